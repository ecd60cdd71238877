"""An error tells machines what its sentence tells people."""

from typing import TypedDict, Unpack

import pytest

from failsoft_model.errors import FieldViolation
from failsoft_model.walk import ErrorClass, Hop, HopOutcome
from failsoft_router.core.errors import PolicyRefused, RouteExhausted, WalkError

HOPS = [Hop(position=1, target="mini", outcome=HopOutcome.FAILED)]


class Facts(TypedDict, total=False):
    """What may be left out."""

    trace_id: str
    retry_after: float | None
    own_egress: bool


def walk_error(cause: ErrorClass | None = ErrorClass.STALL, **facts: Unpack[Facts]) -> WalkError:
    return RouteExhausted(
        "all failed", hops=HOPS, cause=cause, walk_id="w-1", route="chat", **facts
    )


@pytest.mark.parametrize(
    ("count", "sentence"), [(1, "policy abc has 1 mistake"), (2, "policy abc has 2 mistakes")]
)
def test_a_refused_policy_says_which_and_lists_its_mistakes(count: int, sentence: str) -> None:
    mistakes = [FieldViolation(field="routes", description="missing")] * count
    error = PolicyRefused(digest="abc", violations=mistakes)

    assert error.message == sentence
    assert error.metadata == {"policy": "abc"}
    assert error.violations == tuple(mistakes)
    assert error.digest == "abc"


def test_the_error_of_a_walk_carries_the_walk() -> None:
    error = walk_error(trace_id="7f", retry_after=3.0)

    assert error.message == "all failed"
    assert error.retry_after == 3.0
    assert error.hops == tuple(HOPS)
    assert error.cause is ErrorClass.STALL
    assert (error.walk_id, error.route, error.trace_id) == ("w-1", "chat", "7f")


def test_a_walk_that_was_not_traced_has_no_trace_and_promises_no_time() -> None:
    error = walk_error()

    assert error.trace_id == ""
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("cause", "facts", "told"),
    [
        (ErrorClass.STALL, {}, {"cause": "stall"}),
        (None, {}, {}),
        (ErrorClass.TIMEOUT_CONNECT, {"own_egress": True}, {"cause": "egress"}),
    ],
)
def test_the_cause_is_for_machines_too(
    cause: ErrorClass | None, facts: Facts, told: dict[str, str]
) -> None:
    assert walk_error(cause, **facts).metadata == {"walkId": "w-1", "route": "chat"} | told
