"""A model name leads to the most particular route that knows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.errors import Code
from failsoft_router.core.errors import RouteNotFound
from failsoft_router.core.policy import Policy, Provider, RoutePolicy, TargetPolicy
from failsoft_router.core.route import matches, overlap, route_for


def target(name: str, model: str) -> TargetPolicy:
    return TargetPolicy(name=name, provider=Provider.OPENAI, model=model, endpoint="https://api")


TARGETS = {
    "mini": target("mini", "gpt-5-mini"),
    "haiku": target("haiku", "claude-haiku"),
    "llama": target("llama", "llama-8b"),
}


def policy(*routes: RoutePolicy) -> Policy:
    return Policy(targets=TARGETS, routes={route.name: route for route in routes})


NAMED = RoutePolicy(name="gpt-5-mini", hops=("llama",))
EXACT = RoutePolicy(name="exact", hops=("llama",), serves=("gpt-5-mini",))
PATTERN = RoutePolicy(name="pattern", hops=("llama",), serves=("gpt-*",))
HOLDER = RoutePolicy(name="holder", hops=("cache", "mini", "mock"))
DEFAULT = RoutePolicy(name="default", hops=("llama",), default=True)
LADDER = (NAMED, EXACT, PATTERN, HOLDER, DEFAULT)


@pytest.mark.parametrize("best", range(len(LADDER)))
def test_the_most_particular_route_wins_wherever_it_stands(best: int) -> None:
    """Name, exact id, pattern, own model, default."""
    routes = LADDER[best:]

    assert route_for(policy(*routes), "gpt-5-mini") == LADDER[best]
    assert route_for(policy(*reversed(routes)), "gpt-5-mini") == LADDER[best]


def test_no_model_at_all_asks_for_the_default() -> None:
    assert route_for(policy(*LADDER), "") == DEFAULT


def test_an_unknown_model_without_a_default_is_refused_with_what_there_is() -> None:
    with pytest.raises(RouteNotFound) as refusal:
        route_for(policy(EXACT, HOLDER), "secret-project-model")

    assert refusal.value.code is Code.NOT_FOUND
    assert refusal.value.reason == "ROUTE_NOT_FOUND"
    assert refusal.value.message == (
        "no route serves this model and none is the default; routes of the policy: exact, holder"
    )


def test_a_policy_without_routes_says_so() -> None:
    with pytest.raises(RouteNotFound, match=r"; routes of the policy: none$"):
        route_for(policy(), "any")


@pytest.mark.parametrize(
    ("pattern", "model", "covered"),
    [
        ("gpt-*", "gpt-5", True),
        ("gpt-*", "gpt-", True),
        ("gpt-*", "claude", False),
        ("*", "anything", True),
        ("gpt-5", "gpt-5", True),
        ("gpt-5", "gpt-5-mini", False),
    ],
)
def test_a_star_stands_for_any_rest(pattern: str, model: str, covered: bool) -> None:
    assert matches(pattern, model) is covered


def test_an_exact_id_beside_a_pattern_that_covers_it_is_no_overlap() -> None:
    assert not overlap("gpt-5", "gpt-*")


def test_a_pattern_overlaps_with_any_that_begins_with_it() -> None:
    assert overlap("gpt-5-mini*", "gpt-*")
    assert overlap("gpt-*", "gpt-5-mini*")
    assert not overlap("gpt-5*", "gpt-4*")


MODELS = [a + b + c for a in ("", "a", "b") for b in ("", "a", "b") for c in ("", "a", "b")]
PATTERNS = st.text("ab", max_size=2).flatmap(lambda head: st.sampled_from([head, head + "*"]))


@given(left=PATTERNS, right=PATTERNS)
def test_patterns_overlap_if_some_model_is_covered_by_both_equally_well(
    left: str, right: str
) -> None:
    alike = left.endswith("*") == right.endswith("*")
    both = any(matches(left, model) and matches(right, model) for model in MODELS)

    assert overlap(left, right) == (alike and both)
    assert overlap(left, right) == overlap(right, left)
