"""Promises about the health breakers: who has leave, what counts against whom, no way back lost."""

import math
from collections.abc import Iterable, Iterator

from failsoft_model.walk import ErrorClass
from failsoft_router.core.breaker import Result, State
from failsoft_router.core.policy import Limits
from simulation.story import Call, End, Leave, Story

_EPSILON = 1e-6

_TARGETS_OWN = frozenset(
    {ErrorClass.TRANSIENT, ErrorClass.TRUNCATED, ErrorClass.MALFORMED, ErrorClass.UNKNOWN}
)
"""What a target may be blamed for, however long it took."""


def every_permit_comes_back_once(story: Story) -> Iterator[str]:
    """Else a breaker stays half-open for ever, or lets too many through."""
    for leave in story.leaves:
        if leave.returns != 1:
            yield f"a permit of {leave.breaker} came back {leave.returns} times"


def nobody_is_called_without_leave(story: Story) -> Iterator[str]:
    """Every call is made while its request holds a permit of the target's breaker."""
    for call in story.calls:
        if call.leave is None:
            yield f"{call.attempt_id} called {call.target} without a permit"


def probes_stay_within_their_permits(story: Story) -> Iterator[str]:
    """While a target is on trial, no more calls are out than its policy allows."""
    for name in story.looks:
        allowed = story.schedule.policy.targets[name].breaker.probes
        probes = [each for each in story.leaves if each.breaker == name and each.permit.probe]
        for epoch in {leave.permit.epoch for leave in probes}:
            most = _most_at_once(leave for leave in probes if leave.permit.epoch == epoch)
            if most > allowed:
                yield f"{name} had {most} probes out, and {allowed} are allowed"


def an_open_time_never_gets_shorter(story: Story) -> Iterator[str]:
    """What was said to be shut until a moment is shut until then."""
    for name, looks in story.looks.items():
        due = -math.inf
        for look in looks:
            if look.state is not State.CLOSED and look.at < due - _EPSILON:
                if look.state is not State.OPEN or look.due < due - _EPSILON:
                    yield f"{name} was to be open until {due}; at {look.at} it is {look}"
            elif look.at < due - _EPSILON:
                yield f"{name} closed at {look.at}, before it was due at {due}"
            due = look.due if look.state is State.OPEN else -math.inf


def only_failures_open(story: Story) -> Iterator[str]:
    """A breaker opens when somebody reports a failure, and at no other time."""
    for name, looks in story.looks.items():
        before = State.CLOSED
        for look in looks:
            opened = look.state is State.OPEN and before is not State.OPEN
            if opened and look.after is not Result.FAILED:
                yield f"{name} opened after {look.after}"
            before = look.state


def what_counts_is_what_the_target_did(story: Story) -> Iterator[str]:
    """A caller's fault, haste, slowness or hang-up is held against nobody; a failure is."""
    for leave in story.leaves:
        asked = leave.asked
        if asked is None or leave.result is None:
            continue
        calls = [call for call in asked.calls if call.leave is leave]
        limits = [story.schedule.policy.targets[call.target].limits for call in calls]
        guilty = any(map(is_guilty, calls, limits))
        name, words = asked.planned.name, ", ".join(map(str, calls))
        match leave.result:
            case Result.FAILED if not guilty:
                yield f"{leave.breaker} is blamed for what {name} saw: {words}"
            case Result.OK if not any(call.end is End.ANSWERED for call in calls):
                yield f"{leave.breaker} is praised for what {name} saw: {words}"
            case Result.NO_EVIDENCE if guilty and not asked.hung_up:
                yield f"{leave.breaker} got away with what {name} saw: {words}"
            case _:
                pass


def no_target_is_lost(story: Story) -> Iterator[str]:
    """Whatever happened, once the open times are over everybody is tried again."""
    for name in story.lost:
        yield f"{name} is not tried any more"


PROMISES = (
    every_permit_comes_back_once,
    nobody_is_called_without_leave,
    probes_stay_within_their_permits,
    an_open_time_never_gets_shorter,
    only_failures_open,
    what_counts_is_what_the_target_did,
    no_target_is_lost,
)


def is_guilty(call: Call, limits: Limits) -> bool:
    """Whether the target itself failed: its own limits passed, and not somebody's patience.

    Of the total limit a reader may have had a tenth.
    """
    own_time = call.ended - call.began - call.read_for + _EPSILON
    too_long = own_time >= 0.9 * limits.total and call.total >= limits.total - _EPSILON
    match call.end:
        case End.STOPPED:
            return True
        case End.FAILED if call.error_class is ErrorClass.TIMEOUT_CONNECT:
            return call.connect >= limits.connect
        case End.FAILED if call.error_class is ErrorClass.TIMEOUT_TOTAL:
            return too_long
        case End.FAILED:
            return call.error_class in _TARGETS_OWN
        case End.CLOSED if call.first_content_at is None:
            return own_time >= limits.first_content or too_long
        case End.CLOSED:
            waited = call.ended - call.waited_from + _EPSILON
            return waited >= limits.stall or too_long
        case _:
            return False


def _most_at_once(leaves: Iterable[Leave]) -> int:
    """How many were out at the same time; one that comes back makes place for the next."""
    turns = []
    for leave in leaves:
        turns += [(leave.given, 1, 1), (leave.returned, 0, -1)]
    out = most = 0
    for _, _, change in sorted(turns):
        out += change
        most = max(most, out)
    return most
