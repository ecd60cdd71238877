"""Promises about time and number: deadlines, caps, and the load on the targets."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise

from failsoft_kit.deadline import Deadline
from failsoft_model.walk import ErrorClass, Hop, HopOutcome, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import RouteExhausted, WalkDeadlinePassed
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP, TargetKind
from simulation.promises.gates import PLANNED, most_at_once
from simulation.schedule import Act
from simulation.story import Asked, Call, End, Story

HOPS = 4
"""Targets of one request."""
ATTEMPTS_OF_A_HOP = {TargetKind.REMOTE: 2, TargetKind.GPU: 1}
ATTEMPTS = 6
AFTERLIFE = 10.0
"""Seconds that a probe may go on when its caller is gone."""
SHORTEST = 2.0
"""Seconds that callers wait for a target, however fast it was; or its policy's limit."""
PATIENCE = 2.0
"""Seconds that a walk waits for a probe before it goes on beside it."""

QUEUE = 2.0
"""Seconds that it may wait there for a place."""

REPLY = 0.02
"""Seconds that are kept for it."""

DEGRADED = 0.05
"""Seconds that are kept for the cache, and for a mock."""

READING = 60.0
"""Seconds that a reader may take for one event."""

PROBE_SHARE = 0.02
"""Probes of a target that run beside calls to others, as a share of the requests."""
PROBE_SECONDS = 10.0
"""The same: one in this time."""

EXTRA_SHARE = 0.1
"""Calls beyond one a request and target, as a share of the requests."""
EXTRA_RATE = 1.0
"""The same, calls a second."""

_EPSILON = 1e-6

_REFUSALS = frozenset(
    {
        ErrorClass.RATE_LIMITED,
        ErrorClass.QUOTA,
        ErrorClass.CREDENTIAL,
        ErrorClass.MODEL_GONE,
        ErrorClass.REGION,
    }
)
"""What shuts gates beside health."""

_TIMEOUTS = frozenset(
    {
        ErrorClass.TIMEOUT_CONNECT,
        ErrorClass.TIMEOUT_FIRST_CONTENT,
        ErrorClass.TIMEOUT_TOTAL,
    }
)


def the_reply_comes_before_the_deadline(story: Story) -> Iterator[str]:
    """Whoever says how long it waits is answered by then, unless its own reading is slow."""
    for asked in story.asked:
        if asked.cut_off and not asked.read_for and not asked.planned.pause:
            yield f"{asked.planned.name} waited for {asked.planned.within} s and got nothing"
        if asked.finished is None and asked.error is None:
            continue
        if asked.ended - asked.read_for > asked.deadline + _EPSILON:
            yield f"{asked.planned.name} got its reply {asked.ended - asked.deadline} s late"


def a_reader_who_takes_nothing_is_left(story: Story) -> Iterator[str]:
    """Else it would hold a place at its target and a connection as long as it likes."""
    for asked in story.asked:
        last = max((at for at, _ in asked.events), default=math.inf)
        if asked.planned.pause > READING and asked.ended > last + READING + _EPSILON:
            yield f"{asked.planned.name} read for {asked.ended - last} s and was waited for"


def no_attempt_starts_after_the_deadline(story: Story) -> Iterator[str]:
    """Neither the caller's nor, without one, the route's to the first content.

    The time that the caller's own reading took is not counted.
    """
    for call in story.calls:
        asked = call.asked
        deadline = Deadline(at=asked.deadline)
        if asked.planned.within is None:
            longest = max(
                route.deadline
                for policy in story.schedule.policies
                for route in policy.routes.values()
            )
            deadline = deadline.sooner(asked.began + longest)
        if deadline.expired(call.began - asked.read_for) and not _was_reset(call):
            yield f"{call.attempt_id} began {call.began - deadline.at} s after the deadline"


def no_attempt_starts_after_its_caller_left(story: Story) -> Iterator[str]:
    """Who went away needs no answer."""
    for call in story.calls:
        if call.began > call.asked.left_at:
            yield f"{call.attempt_id} began when nobody waited for it any more"


def attempts_and_hops_stay_within_their_caps(story: Story) -> Iterator[str]:
    """However long the route is and however often it fails."""
    for asked in story.asked:
        targets = Counter(call.target for call in asked.calls)
        if len(targets) > HOPS or len(asked.calls) > ATTEMPTS:
            yield f"{asked.planned.name} made {len(asked.calls)} attempts at {len(targets)} targets"
        overtaken = sum(call.end is End.CLOSED for call in asked.calls)
        for target, attempts in targets.items():
            policy = next(call.policy for call in asked.calls if call.target == target)
            allowed = min(policy.attempts, ATTEMPTS_OF_A_HOP[policy.kind])
            if attempts > allowed + overtaken:
                yield f"{asked.planned.name} tried {target} {attempts} times"


def calls_follow_the_offered_load(story: Story) -> Iterator[str]:
    """At no time has a target been called more often than the requests till then explain."""
    start = story.schedule.start
    offered = [asked.began for asked in story.asked]
    for name in story.schedule.weather:
        begun = 0
        for number, call in enumerate(_calls_of(story, name), start=1):
            while begun < len(offered) and offered[begun] <= call.began:
                begun += 1
            allowed = begun * (1 + EXTRA_SHARE) + (call.began - start + 1) * EXTRA_RATE
            if number > allowed + _EPSILON:
                yield f"{name} was called {number} times for {begun} requests"
                break


def calls_at_once_stay_within_the_concurrency(story: Story) -> Iterator[str]:
    """However many callers there are, a target has only so many calls in flight."""
    for name in story.schedule.weather:
        calls = list(_calls_of(story, name))
        most = most_at_once((call.began, call.ended) for call in calls)
        policies = [each.targets[name] for each in story.schedule.policies if name in each.targets]
        allowed = max(policy.concurrency for policy in policies)
        if most > allowed:
            yield f"{name} had {most} calls in flight, and {allowed} are allowed"


def a_target_has_its_time(story: Story) -> Iterator[str]:
    """What is learned of a target shortens its callers' patience only so far."""
    for call in story.calls:
        most = call.policy.limits.first_content
        if not min(SHORTEST, most) <= call.patience <= most:
            yield f"{call} was waited for for {call.patience} s"


def every_call_ends(story: Story) -> Iterator[str]:
    """With its caller; a probe a little later, and none of them speaks to nobody."""
    for call in story.calls:
        if call.end is None:
            yield f"{call.attempt_id} was never closed"
            continue
        hidden = call.leave is not None and call.leave.permit.probe
        limit = call.began + call.policy.limits.first_content
        latest = call.asked.ended + AFTERLIFE if hidden else max(limit, call.asked.ended)
        if call.ended > latest + _EPSILON:
            yield f"{call.attempt_id} went on for long after its caller"
        spoke = call.first_content_at
        if spoke is not None and not hidden and call.ended > max(spoke, call.asked.ended):
            yield f"{call.attempt_id} went on speaking, and nobody listened"


def a_probe_makes_nobody_wait(story: Story) -> Iterator[str]:
    """Whoever has a target that is well behind it goes there after the probe's usual time."""
    for asked in story.asked:
        for number, (probe, follower) in enumerate(pairwise(asked.calls), start=1):
            if probe.leave is None or not probe.leave.permit.probe or _spoke(probe, follower.began):
                continue
            later = (each for each in asked.calls[number:] if each.target != probe.target)
            if not any(_was_well(story, call, at=probe.began) for call in later):
                continue
            waited = min(probe.ended, follower.began) - probe.began - asked.read_for
            if waited > PATIENCE + QUEUE + _EPSILON:
                yield f"{asked.planned.name} waited {waited} s for {probe}, a probe"


def a_target_that_hangs_is_taken_out(story: Story) -> Iterator[str]:
    """However little time its callers have: as many calls as open its breaker are enough.

    Each is evidence when its target's own limit has passed, or as many others are.
    """
    guarded = Counter(story.breaker_of.values())
    for name, weather in story.schedule.weather.items():
        hangs = all(set(phase.acts) == {Act.HANG} for phase in weather.phases)
        if not hangs or story.schedule.reloads or guarded[story.breaker_of[name]] > 1:
            continue
        target = story.schedule.policy.targets[name]
        seen = [call for call in _calls_of(story, name) if not _was_given_up_early(call)]
        enough = target.breaker.consecutive_failures
        if len(seen) < enough:
            continue
        out_by = seen[enough - 1].began + 2 * target.limits.first_content
        for call in _calls_of(story, name):
            closed = call.leave is not None and not call.leave.permit.probe
            if closed and call.began > out_by + _EPSILON:
                yield f"{call} began at {call.began}; its target hangs, and was to be out {out_by}"


def few_calls_are_left_running(story: Story) -> Iterator[str]:
    """When their callers have gone, as many go on as open their target's breaker."""
    for name in story.schedule.weather:
        most = max(
            policy.targets[name].breaker.consecutive_failures
            for policy in story.schedule.policies
            if name in policy.targets
        )
        left = [
            (call.asked.ended, call.ended)
            for call in _calls_of(story, name)
            if call.leave is not None and not call.leave.permit.probe
        ]
        if most_at_once(left) > most:
            yield f"{name} had {most_at_once(left)} calls that nobody waited for"


def who_has_nobody_else_is_waited_for(story: Story) -> Iterator[str]:
    """Nobody gets nothing because a target was given up for others that were shut all the time.

    It has its own limit, or all the time that there is but for what the rest needs.
    """
    for asked in story.asked:
        if asked.planned.pause or not _got_nothing(asked) or _may_have_spared_others(asked, story):
            continue
        for call in asked.calls:
            later = asked.hops[int(call.attempt_id.split("/")[1]) :]
            if call.end is not End.CLOSED or call.first_content_at is not None:
                continue
            if _was_given_up_early(call):
                continue
            if _is_hidden(call) or not all(_had_no_chance(story, hop, call) for hop in later):
                continue
            left = _deadline(story, asked) - call.began - REPLY - DEGRADED * len(later)
            waited = call.ended - call.began
            if waited < min(call.policy.limits.first_content, left) - _EPSILON:
                yield f"{asked.planned.name} gave up {call} after {waited} s, for nobody"


def probes_beside_others_stay_a_small_share(story: Story) -> Iterator[str]:
    """Where another target was well they are calls that nobody needed, at any time."""
    for name in story.schedule.weather:
        begun = [call.began for call in _calls_of(story, name) if _ran_beside(story, call)]
        for (first, start), (last, end) in combinations(enumerate(begun), 2):
            offered = sum(start <= asked.ended and asked.began <= end for asked in story.asked)
            allowed = offered * PROBE_SHARE + (end - start) / PROBE_SECONDS + 1
            if last - first + 1 > allowed + _EPSILON:
                yield f"{name} had {last - first + 1} probes beside {offered} requests"


def only_who_has_a_deadline_misses_it(story: Story) -> Iterator[str]:
    """Nobody is told that it passed who has none, or whose targets all failed by themselves."""
    for asked in story.asked:
        if not isinstance(asked.error, WalkDeadlinePassed):
            continue
        if asked.planned.within is None:
            yield f"{asked.planned.name} had no deadline"
        if not any(map(_lacked_time, asked.hops)):
            yield f"{asked.planned.name} lacked no time: {asked.hops}"


def a_connection_is_closed_after_its_last_call(story: Story) -> Iterator[str]:
    """However often the policy changes under it."""
    for call in story.calls:
        if call.line.closed < call.ended:
            late = call.ended - call.line.closed
            yield f"{call} went on for {late} s when the way to its target was closed"


PROMISES = (
    a_connection_is_closed_after_its_last_call,
    the_reply_comes_before_the_deadline,
    a_reader_who_takes_nothing_is_left,
    no_attempt_starts_after_the_deadline,
    no_attempt_starts_after_its_caller_left,
    attempts_and_hops_stay_within_their_caps,
    calls_follow_the_offered_load,
    calls_at_once_stay_within_the_concurrency,
    a_target_has_its_time,
    every_call_ends,
    a_probe_makes_nobody_wait,
    a_target_that_hangs_is_taken_out,
    few_calls_are_left_running,
    who_has_nobody_else_is_waited_for,
    probes_beside_others_stay_a_small_share,
    only_who_has_a_deadline_misses_it,
)


def _lacked_time(hop: Hop) -> bool:
    late = hop.skip_reason is SkipReason.DEADLINE or hop.error_class in _TIMEOUTS
    return late or hop.outcome is HopOutcome.PROBING


def _got_nothing(asked: Asked) -> bool:
    """No target answered."""
    if asked.finished is not None:
        return asked.finished.served_by in (CACHE_HOP, MOCK_HOP) and bool(asked.hops)
    return isinstance(asked.error, RouteExhausted | WalkDeadlinePassed)


def _may_have_spared_others(asked: Asked, story: Story) -> bool:
    """Whether it was served by the cache, and a route has a target behind that: time was kept."""
    if asked.finished is None or asked.finished.served_by != CACHE_HOP:
        return False
    routes = (route for policy in story.schedule.policies for route in policy.routes.values())
    behind = (
        route.hops[route.hops.index(CACHE_HOP) :] for route in routes if CACHE_HOP in route.hops
    )
    return any(not {CACHE_HOP, MOCK_HOP}.issuperset(hops) for hops in behind)


def _is_hidden(call: Call) -> bool:
    return call.leave is not None and call.leave.permit.probe


def _had_no_chance(story: Story, hop: Hop, call: Call) -> bool:
    """Whether nobody could have hoped for this hop when the call began, nor got it later."""
    if hop.target in (CACHE_HOP, MOCK_HOP) or hop.skip_reason in PLANNED:
        return True
    since = call.began - story.schedule.start
    return hop.skip_reason is SkipReason.ISOLATED and any(
        order.target == hop.target and order.at < since < order.until for order in story.isolated
    )


def _deadline(story: Story, asked: Asked) -> float:
    """The caller's; without one the route's to the first content."""
    if math.isfinite(asked.deadline):
        return asked.deadline
    routes = (policy.routes.values() for policy in story.schedule.policies)
    return asked.began + min(route.deadline for each in routes for route in each)


def _was_reset(call: Call) -> bool:
    """Whether its route's time had begun anew, because an answer had broken off."""
    return call.asked.planned.within is None and any(
        each.first_content_at is not None and each.ended <= call.began for each in call.asked.calls
    )


def _ran_beside(story: Story, probe: Call) -> bool:
    """Whether its walk went on to a target that had certainly been well all the time."""
    if probe.leave is None or not probe.leave.permit.probe:
        return False
    return any(
        probe.began < call.began < probe.ended and _was_well(story, call, at=probe.began)
        for call in probe.asked.calls
    )


def _was_given_up_early(call: Call) -> bool:
    """Its caller went away, or another call of its walk spoke, before anything could be learned."""
    others = (each for each in call.asked.calls if each is not call)
    return call.asked.hung_up or any(_spoke(each, call.ended) for each in others)


def _spoke(call: Call, by: float) -> bool:
    return call.first_content_at is not None and call.first_content_at <= by


def _was_well(story: Story, call: Call, *, at: float) -> bool:
    """Whether its breaker was closed, and nothing had ever shut another gate of its target."""
    looks = [look for look in story.looks[story.breaker_of[call.target]] if look.at <= at]
    closed = not looks or looks[-1].state is State.CLOSED
    isolated = any(order.target == call.target for order in story.isolated)
    refused = any(
        each.error_class in _REFUSALS and each.policy.endpoint == call.policy.endpoint
        for each in story.calls
    )
    return closed and not isolated and not refused


def _calls_of(story: Story, target: str) -> Iterator[Call]:
    return (call for call in story.calls if call.target == target)
