"""Promises about the health breakers: who has leave, what counts against whom, no way back lost."""

import math
from collections.abc import Iterable, Iterator

from failsoft_model.walk import ErrorClass, Hop, SkipReason
from failsoft_router.core.breaker import Result, State
from failsoft_router.core.errors import RouteExhausted
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP
from simulation.promises.skips import TOGETHER, was_own_egress
from simulation.story import Asked, Call, End, Story

_EPSILON = 1e-6

_SETTLES = 2.0
"""Seconds after which it is settled whose fault a failure to connect was."""

_PAUSE = 5.0
"""Seconds that a reader may take for one piece before its target may give it up."""

PLANNED = (
    SkipReason.TENANT_POLICY,
    SkipReason.NO_CREDENTIAL,
    SkipReason.CAPABILITY,
    SkipReason.CONTEXT_LENGTH,
    SkipReason.REFUSED_BY_CALLER,
)
"""Skips that depend on the request and the policy alone."""

_NOT_STORED = (SkipReason.NO_STORED_ANSWER, SkipReason.CACHE_UNAVAILABLE)

_SHUT = frozenset(
    {
        SkipReason.CIRCUIT_OPEN,
        SkipReason.ISOLATED,
        SkipReason.QUOTA,
        SkipReason.CREDENTIAL_QUARANTINE,
        SkipReason.TARGET_GONE,
        SkipReason.SAME_FATE,
    }
)
"""Skips because of a gate that keeps everybody out."""

_TARGETS_OWN = frozenset(
    {ErrorClass.TRANSIENT, ErrorClass.TRUNCATED, ErrorClass.MALFORMED, ErrorClass.UNKNOWN}
)
"""What a target may be blamed for, however long it took."""


def best(hops: Iterable[Hop]) -> str:
    """The target that answers when all is well: the first one that was not ruled out before."""
    return next(
        (
            hop.target
            for hop in hops
            if hop.skip_reason not in PLANNED and hop.target not in (CACHE_HOP, MOCK_HOP)
        ),
        "",
    )


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
    """While a target is on trial, no more calls are out than its policy allows.

    A probe that was judged is a call like any other, and one is forced at a time.
    """
    for name in story.looks:
        breakers = [
            policy.targets[name].breaker
            for policy in story.schedule.policies
            if name in policy.targets
        ]
        allowed = max(breaker.probes for breaker in breakers)
        probes = [each for each in story.leaves if each.breaker == name and each.permit.probe]
        forced = [leave for leave in probes if leave.permit.forced]
        if most_at_once((leave.given, leave.returned) for leave in forced) > 1:
            yield f"{name} had more than one forced call out"
        for epoch in {leave.permit.epoch for leave in probes}:
            most = most_at_once(
                (leave.given, min(leave.judged, leave.returned))
                for leave in probes
                if leave.permit.epoch == epoch and not leave.permit.forced
            )
            if most > allowed:
                yield f"{name} had {most} probes out, and {allowed} are allowed"


def an_open_time_never_gets_shorter(story: Story) -> Iterator[str]:
    """What was said to be shut until a moment is shut till then, or a forced call is good."""
    for name, looks in story.looks.items():
        due = -math.inf
        for look in looks:
            good = look.forced and look.after is Result.OK
            left_early = look.state is not State.OPEN and look.at < due - _EPSILON
            shortened = look.state is State.OPEN and look.due < due - _EPSILON
            if (left_early or (shortened and look.at < due - _EPSILON)) and not good:
                yield f"{name} was to be open until {due}; at {look.at} it is {look}"
            due = look.due if look.state is State.OPEN else -math.inf


def only_failures_and_slowness_open(story: Story) -> Iterator[str]:
    """A breaker opens when somebody reports one of them, and at no other time."""
    for name, looks in story.looks.items():
        before = State.CLOSED
        for look in looks:
            opened = look.state is State.OPEN and before is not State.OPEN
            if opened and not (look.after is Result.FAILED or look.slow):
                yield f"{name} opened after {look.after}"
            before = look.state


def what_counts_is_what_the_target_did(story: Story) -> Iterator[str]:
    """A caller's fault, haste, slowness or hang-up is held against nobody; a failure is."""
    for leave in story.leaves:
        asked = leave.asked
        if asked is None or leave.result is None:
            continue
        calls = [call for call in asked.calls if call.leave is leave]
        guilty = any(map(is_guilty, calls))
        name, words = asked.planned.name, ", ".join(map(str, calls))
        match leave.result:
            case Result.FAILED if all(nobody_was_reached(story, call) for call in calls):
                yield f"{leave.breaker} is blamed although nobody was reached: {words}"
            case Result.FAILED if not guilty:
                yield f"{leave.breaker} is blamed for what {name} saw: {words}"
            case Result.OK if not any(map(_showed_that_it_is_well, calls)):
                yield f"{leave.breaker} is praised for what {name} saw: {words}"
            case Result.NO_EVIDENCE if guilty and not (asked.hung_up or excused(story, calls)):
                yield f"{leave.breaker} got away with what {name} saw: {words}"
            case Result.OK if leave.slow != any(map(is_slow, calls)):
                yield f"{leave.breaker} is told slow={leave.slow} of what {name} saw: {words}"
            case _:
                pass


def nobody_is_turned_away_while_a_call_may_be_forced(story: Story) -> Iterator[str]:
    """When all targets of a route are shut and nobody answers, one breaker is overridden.

    One that nothing else shuts, whatever shuts the others and whatever the cache had.
    """
    for asked in story.asked:
        hops = [hop for hop in asked.hops if hop.skip_reason not in (*PLANNED, *_NOT_STORED)]
        ill = [hop for hop in hops if hop.skip_reason is SkipReason.CIRCUIT_OPEN]
        names = {story.breaker_of[hop.target] for hop in ill}
        all_shut = all(hop.skip_reason in _SHUT for hop in hops)
        if not isinstance(asked.error, RouteExhausted) or not (names and all_shut):
            continue
        forced = [
            leave
            for leave in story.leaves
            if leave.permit.forced and leave.given <= asked.ended and asked.began <= leave.returned
        ]
        ill_all_the_time = all(_was_shut(story, name, asked) for name in names)
        if _was_cut_off(story, asked):
            continue
        if ill_all_the_time and not any(leave.breaker in names for leave in forced):
            yield f"{asked.planned.name} got nothing, and nobody asked {names}"


def _was_cut_off(story: Story, asked: Asked) -> bool:
    """Whether our own way out was found down while it was asked, which shuts everybody."""
    return any(
        hop.skip_reason is SkipReason.SAME_FATE
        and asked.began <= other.began + hop.started <= asked.ended
        for other in story.asked
        for hop in other.hops
    )


def no_target_is_lost(story: Story) -> Iterator[str]:
    """Whatever happened, once all times are over everybody is tried again by anybody."""
    yield from story.lost


PROMISES = (
    every_permit_comes_back_once,
    nobody_is_called_without_leave,
    probes_stay_within_their_permits,
    an_open_time_never_gets_shorter,
    only_failures_and_slowness_open,
    what_counts_is_what_the_target_did,
    nobody_is_turned_away_while_a_call_may_be_forced,
    no_target_is_lost,
)


def is_guilty(call: Call) -> bool:
    """Whether the target itself failed: its own limits passed, and not somebody's patience.

    Of the total limit a reader may have had a tenth, and for one piece five seconds, after
    which the target may well give up.
    """
    limits = call.policy.limits
    own_time = call.ended - call.began - call.read_for + _EPSILON
    whole = call.ended - call.began + _EPSILON >= limits.total
    too_long = whole and own_time >= 0.9 * limits.total and call.total >= limits.total - _EPSILON
    given_up = call.longest_read > _PAUSE
    match call.end:
        case End.CRASHED:
            return True
        case End.STOPPED:
            return not given_up
        case End.FAILED if call.error_class is ErrorClass.TIMEOUT_CONNECT:
            return call.connect >= limits.connect
        case End.FAILED if call.error_class is ErrorClass.TIMEOUT_TOTAL:
            return too_long
        case End.FAILED if call.error_class is ErrorClass.TRUNCATED:
            return not given_up
        case End.FAILED:
            return call.error_class in _TARGETS_OWN
        case End.CLOSED if call.first_content_at is None:
            return own_time >= limits.first_content or too_long
        case End.CLOSED:
            waited = call.ended - call.waited_from + _EPSILON
            return (waited >= limits.stall and not given_up) or too_long
        case _:
            return False


def _showed_that_it_is_well(call: Call) -> bool:
    """It answered; or it spoke, and was closed at once because nobody listened any more.

    Or because another call had answered its walk before it came to its end.
    """
    if call.end is End.ANSWERED:
        return True
    spoke = call.first_content_at
    return spoke is not None and call.ended in (spoke, call.asked.ended)


def is_slow(call: Call) -> bool:
    """Whether its first content came later than half its target's own limit."""
    first = call.first_content_at
    return first is not None and first - call.began > 0.5 * call.policy.limits.first_content


def nobody_was_reached(story: Story, call: Call) -> bool:
    """Whether certainly our own way out was down: all failed to connect, and nothing else came."""
    endpoints = {target.endpoint for target in story.schedule.policy.targets.values()}
    if not _is_unsent(call) or len(endpoints) < 2 or story.schedule.reloads:
        return False
    near = [
        each
        for each in story.calls
        if each.began <= call.ended + _SETTLES and call.ended - _SETTLES <= each.ended
    ]
    failed = [each for each in near if abs(each.ended - call.ended) < _SETTLES / 2]
    return all(map(_is_unsent, near)) and {each.policy.endpoint for each in failed} == endpoints


def excused(story: Story, calls: Iterable[Call]) -> bool:
    """Whether nobody was reached at about that time, which is no target's fault."""
    return any(
        was_own_egress(story, call.ended - TOGETHER, call.ended + TOGETHER)
        for call in calls
        if _is_unsent(call)
    )


def _was_shut(story: Story, name: str, asked: Asked) -> bool:
    """Whether a breaker had no permit for anybody for as long as this request went on."""
    looks = story.looks[name]
    seen = [look for look in looks if look.at < asked.began][-1:]
    seen += [look for look in looks if asked.began <= look.at <= asked.ended]
    if all(look.state is State.OPEN and look.due > asked.ended for look in seen):
        return True
    full = _probes_out(story, name, asked) >= max(
        policy.targets[name].breaker.probes
        for policy in story.schedule.policies
        if name in policy.targets
    )
    return full and all(look.state is State.HALF_OPEN for look in seen)


def _probes_out(story: Story, name: str, asked: Asked) -> int:
    """Probes that were out for as long as this request went on."""
    return sum(
        leave.given < asked.began and asked.ended < min(leave.judged, leave.returned)
        for leave in story.leaves
        if leave.breaker == name and leave.permit.probe and not leave.permit.forced
    )


def _is_unsent(call: Call) -> bool:
    return call.failure is not None and not call.failure.sent


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """How many lasted at the same time; one that ends makes place for the next."""
    turns = [turn for begin, end in spans if begin < end for turn in ((begin, 1), (end, -1))]
    out = most = 0
    for _, change in sorted(turns):
        out += change
        most = max(most, out)
    return most
