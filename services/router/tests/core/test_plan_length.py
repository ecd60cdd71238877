"""A request that is clearly too long for a target is not sent to it, and somebody is asked."""

from collections.abc import Mapping

import pytest

from failsoft_model.chat import ChatRequest, Degradation, Message, Role, Sampling, Text
from failsoft_model.walk import SkipReason
from failsoft_router.core.draft import draft
from failsoft_router.core.plan import Plan, after_too_long, plan
from failsoft_router.core.policy import (
    Policy,
    Provider,
    RoutePolicy,
    TargetPolicy,
    TenantPolicy,
)

UNKNOWN = 0


def made(request: ChatRequest, **contexts: int) -> Plan:
    """The plan for targets with these contexts, all of them another's."""
    return made_of(request, contexts)


def made_of(
    request: ChatRequest,
    contexts: Mapping[str, int],
    *,
    own: frozenset[str] = frozenset(),
    without_credential: frozenset[str] = frozenset(),
) -> Plan:
    """
    Args:
        own: Which of the targets are our own services.
    """
    policy = policy_of(contexts, own=own)
    drafted = draft(
        policy,
        policy.routes["chat"],
        TenantPolicy(),
        model=request.model,
        without_credential=without_credential,
    )
    return plan(drafted, request)


def policy_of(contexts: Mapping[str, int], *, own: frozenset[str] = frozenset()) -> Policy:
    targets = {
        name: TargetPolicy(
            name=name,
            provider=Provider.FAILSOFT if name in own else Provider.OPENAI,
            model=f"{name}-model",
            endpoint="https://api.example.com/v1",
            context_tokens=tokens,
        )
        for name, tokens in contexts.items()
    }
    route = RoutePolicy(name="chat", hops=tuple(contexts))
    return Policy(targets=targets, routes={"chat": route})


def text(
    size: int,
    *,
    answer: int | None = None,
    letter: str = "x",
    refuses: frozenset[Degradation] = frozenset(),
) -> ChatRequest:
    """A request of so many letters that wants an answer of so many tokens."""
    return ChatRequest(
        model="chat",
        messages=(Message(role=Role.USER, parts=(Text(text=letter * size),)),),
        sampling=Sampling(max_tokens=answer),
        refused_degradations=refuses,
    )


def too_long(whole: Plan) -> list[str]:
    return [hop.name for hop in whole.hops if hop.skip is SkipReason.CONTEXT_LENGTH]


def test_a_request_goes_past_a_target_that_it_can_never_fit_into() -> None:
    whole = made(text(8 * 101), small=100, large=1000)

    assert too_long(whole) == ["small"]
    assert whole.hops[0].detail == (
        "the request needs 101 tokens at the least, its context has 100"
    )
    assert whole.best == "large"


def test_a_request_that_may_fit_is_sent() -> None:
    """By the rule of thumb it has 200 tokens; with eight bytes a token it fits."""
    assert too_long(made(text(8 * 100), small=100, large=1000)) == []


def test_a_target_whose_context_is_not_known_is_sent_everything() -> None:
    assert too_long(made(text(10_000_000), a=UNKNOWN, b=UNKNOWN)) == []


def test_bytes_and_not_letters_are_counted() -> None:
    assert too_long(made(text(8 * 101 // 3 + 1, letter="語"), small=100, large=1000)) == ["small"]


def test_the_answer_that_is_asked_for_has_to_fit_too() -> None:
    assert too_long(made(text(80, answer=90), small=100, large=1000)) == []
    whole = made(text(80, answer=91), small=100, large=1000)
    assert too_long(whole) == ["small"]
    assert whole.hops[0].detail == (
        "the request needs 101 tokens at the least, its context has 100"
    )


def test_our_own_service_gives_an_answer_the_room_that_is_left() -> None:
    """It cuts what it cannot say; it would be a pity to have nobody instead."""
    contexts = {"small": 100, "large": 9000}
    whole = made_of(text(8 * 100, answer=4096), contexts, own=frozenset({"small"}))

    assert too_long(whole) == []


def test_the_largest_are_asked_where_the_guess_would_leave_nobody() -> None:
    whole = made(text(10_000), small=100, large=1000, middle=500, as_large=1000)

    assert too_long(whole) == ["small", "middle"]
    assert whole.best == "large"
    assert {hop.detail for hop in whole.hops if hop.skip is None} == {""}


def test_the_largest_of_those_that_may_be_asked_is_asked() -> None:
    contexts = {"small": 100, "large": 1000}
    whole = made_of(text(10_000), contexts, without_credential=frozenset({"large"}))

    assert too_long(whole) == []
    assert whole.best == "small"


def test_who_wants_no_fallback_gets_the_first_target_that_has_room() -> None:
    refuses = frozenset({Degradation.FALLBACK_TARGET})
    whole = made(text(10_000, refuses=refuses), small=100, large=2000, larger=3000)

    assert whole.best == "large"
    assert whole.hops[2].skip is SkipReason.REFUSED_BY_CALLER


# After a target has found the request too long.


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("first", ["first", "larger", "unknown", "last"]),
        ("larger", ["first", "same", "smaller", "larger", "unknown"]),
        ("unknown", ["first", "same", "smaller", "larger", "unknown", "last"]),
    ],
)
def test_only_who_has_more_room_or_may_have_it_is_asked_after_that(
    refused: str, left: list[str]
) -> None:
    contexts = {
        "first": 1000,
        "same": 1000,
        "smaller": 500,
        "larger": 8000,
        "unknown": UNKNOWN,
        "last": 4000,
    }
    whole = after_too_long(made_of(text(80), contexts), refused, policy_of(contexts))

    assert [hop.name for hop in whole.hops if hop.skip is None] == left


def test_the_smallest_context_that_is_known_is_not_taken_for_an_unknown_one() -> None:
    contexts = {"first": 1, "same": 1}

    whole = after_too_long(made_of(text(0), contexts), "first", policy_of(contexts))

    assert too_long(whole) == ["same"]


def test_an_earlier_reason_for_a_skip_stays() -> None:
    contexts = {"first": 1000, "second": 1000}
    whole = made_of(text(80), contexts, without_credential=frozenset({"second"}))

    later = after_too_long(whole, "first", policy_of(contexts))

    assert later.hops[1].skip is SkipReason.NO_CREDENTIAL
