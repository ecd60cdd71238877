"""Promises about the gates beside health: what shuts them, for how long, and for whom.

A gate that is shut is not passed, and a skip that names a gate has a cause that anybody
can see: what the target itself had said, an order, a deadline, calls in flight.
"""

import math
from collections.abc import Callable, Iterator

from failsoft_model.walk import ErrorClass, Hop, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.policy import TargetPolicy
from simulation.story import Asked, Call, Story

LONGEST_HINT = 3600.0
WITHOUT_HINT = {ErrorClass.RATE_LIMITED: 5.0, ErrorClass.QUOTA: 60.0}
QUARANTINE = 900.0
GONE = 300.0
TARGETS = 4
ATTEMPTS = 6
QUEUE = 2.0
"""Seconds that a call may wait for a place."""
FRESH = 0.002
"""Seconds after which nobody goes by what the gates said before."""
RESERVES = 10.5
"""Seconds: no deadline that is further away keeps a target from being tried."""
TOGETHER = 9.0
"""Seconds: failures to connect that may have one cause, and the time that this is believed."""

_EPSILON = 1e-6


def a_shut_gate_is_not_passed(story: Story) -> Iterator[str]:
    """Who was told to stay away stays away, and so does everybody with the same key."""
    for refused in story.calls:
        until, alike = _shut_by(refused)
        for call in refused.asked.calls:
            again = call is not refused and call.target == refused.target and alike(call)
            if again and refused.ended <= call.began < until - _EPSILON:
                yield f"{call} at {call.began}, although it said {until}"
        for call in story.calls:
            if refused.ended + FRESH < call.began < until - _EPSILON and alike(call):
                yield f"{call} at {call.began}, although {refused} at {refused.ended}"


def an_isolated_target_is_left_alone(story: Story) -> Iterator[str]:
    """An operator's order is obeyed until it ends."""
    start = story.schedule.start
    for order in story.isolated:
        for call in story.calls:
            since = call.began - start
            if call.target == order.target and order.at + FRESH < since < order.until:
                yield f"{call} was made although {order}"


def a_refusal_for_length_is_remembered(story: Story) -> Iterator[str]:
    """What did not fit is not sent to a target that is known to have no more room."""
    for refused in story.calls:
        if refused.error_class is not ErrorClass.CONTEXT_LENGTH:
            continue
        asked, context = refused.asked, refused.policy.context_tokens
        later = {
            hop.target for hop in asked.hops if asked.began + hop.started > refused.ended + _EPSILON
        }
        for call in asked.calls:
            if call.target in later and 0 < call.policy.context_tokens <= context:
                yield f"{call} was made after {refused}, which had {context} tokens"


def a_skip_has_its_cause(story: Story) -> Iterator[str]:
    """What a hop was skipped for is true, by what everybody could see."""
    for asked in story.asked:
        for hop in asked.hops:
            cause = None if hop.skip_reason is None else _CAUSES.get(hop.skip_reason)
            if cause is not None and not cause(story, asked, hop):
                yield f"{asked.planned.name} was kept from {hop.target} by {hop.skip_reason}"


PROMISES = (
    a_shut_gate_is_not_passed,
    an_isolated_target_is_left_alone,
    a_refusal_for_length_is_remembered,
    a_skip_has_its_cause,
)


def _shut_by(refused: Call) -> tuple[float, Callable[[Call], bool]]:
    """Until when a refusal shuts a gate, and for which calls; for none that it says nothing of."""
    policy, failure = refused.policy, refused.failure
    match refused.error_class:
        case ErrorClass.RATE_LIMITED | ErrorClass.QUOTA as error_class:
            hint = None if failure is None else failure.retry_after
            wait = WITHOUT_HINT[error_class] if hint is None else min(hint, LONGEST_HINT)
            key = _BY_KEY[error_class]
            return refused.ended + wait, lambda call: key(call.policy) == key(policy)
        case ErrorClass.CREDENTIAL:
            return refused.ended + QUARANTINE, lambda call: _same_key(refused, call)
        case ErrorClass.MODEL_GONE | ErrorClass.REGION:
            return refused.ended + GONE, lambda call: call.policy.gone_key == policy.gone_key
        case _:
            return -math.inf, lambda call: False


_BY_KEY: dict[ErrorClass, Callable[[TargetPolicy], object]] = {
    ErrorClass.RATE_LIMITED: lambda policy: policy.quota_key,
    ErrorClass.QUOTA: lambda policy: policy.credential_key,
}


def _same_key(refused: Call, call: Call) -> bool:
    alike = call.policy.credential_key == refused.policy.credential_key
    return alike and call.key == refused.key


_Cause = Callable[[Story, Asked, Hop], bool]


def _refused_before(story: Story, asked: Asked, hop: Hop) -> bool:
    """Somebody with the same key was told to stay away, and the time is not over."""
    policy, (begin, end) = _policy(story, hop), _time_of(asked, hop)
    reasons = _REFUSALS[hop.skip_reason]
    keys = {policy.quota_key, policy.credential_key, policy.gone_key}
    own_keys = story.schedule.keys.get(hop.target)
    since = story.schedule.start
    held = {None} if own_keys is None else {own_keys.at(begin - since), own_keys.at(end - since)}
    return any(
        call.error_class in reasons
        and {call.policy.quota_key, call.policy.credential_key, call.policy.gone_key} & keys
        and (hop.skip_reason is not SkipReason.CREDENTIAL_QUARANTINE or call.key in held)
        and call.ended <= end
        and begin < _shut_by(call)[0] + _EPSILON
        for call in story.calls
    )


def _breaker_was_shut(story: Story, asked: Asked, hop: Hop) -> bool:
    return _breaker_was_not_closed(story, asked, hop) or _had_fallen_silent(story, hop, asked)


def _had_fallen_silent(story: Story, hop: Hop, asked: Asked) -> bool:
    """As many have heard nothing of it, or wait in silence still, as open its breaker."""
    _, end = _time_of(asked, hop)
    breaker = story.breaker_of[hop.target]
    called = [
        call
        for call in story.calls
        if story.breaker_of[call.target] == breaker and call.began <= end
    ]
    spoke = [call.first_content_at for call in called if call.first_content_at is not None]
    last = max((moment for moment in spoke if moment <= end), default=0.0)
    needed = min(
        target.breaker.consecutive_failures
        for policy in story.schedule.policies
        for name, target in policy.targets.items()
        if story.breaker_of[name] == breaker
    )
    return sum(call.ended > last for call in called) >= needed


def _breaker_was_not_closed(story: Story, asked: Asked, hop: Hop) -> bool:
    begin, end = _time_of(asked, hop)
    looks = story.looks[story.breaker_of[hop.target]]
    before = [look for look in looks if look.at <= begin][-1:]
    during = [look for look in looks if begin < look.at <= end]
    return any(look.state is not State.CLOSED for look in (*before, *during))


def _was_isolated(story: Story, asked: Asked, hop: Hop) -> bool:
    start, (begin, end) = story.schedule.start, _time_of(asked, hop)
    return any(
        order.target == hop.target and order.at <= end - start and begin - start <= order.until
        for order in story.isolated
    )


def _was_full(story: Story, asked: Asked, hop: Hop) -> bool:
    """As many walks as it has places were at it: calling, waiting to call again, or reading.

    Who reads slowly is at it although no call tells.
    """
    begin, end = _time_of(asked, hop)
    places = min(
        policy.targets[hop.target].concurrency
        for policy in story.schedule.policies
        if hop.target in policy.targets
    )
    at_it = {
        call.asked.planned.name
        for call in story.calls
        if call.target == hop.target
        and call.began <= end + QUEUE
        and begin <= max(call.ended, call.asked.ended)
    }
    reading = {
        each.planned.name
        for each in story.asked
        if each.planned.pause and each.began <= end and begin <= each.ended
    }
    return len(at_it | reading) >= places


def _time_was_short(story: Story, asked: Asked, hop: Hop) -> bool:
    """By the caller's deadline; without one by the route's, to the first content of an answer.

    One that broke off before the hop began does not count: the next has its own time.
    """
    begin, end = _time_of(asked, hop)
    deadline = asked.deadline
    if math.isinf(deadline):
        routes = (policy.routes.values() for policy in story.schedule.policies)
        broke_off = [
            call.ended
            for call in asked.calls
            if call.first_content_at is not None and call.ended <= begin
        ]
        since = max((asked.began, *broke_off))
        deadline = since + min(route.deadline for each in routes for route in each)
    return deadline - end < RESERVES


def _was_spent(story: Story, asked: Asked, hop: Hop) -> bool:
    targets = {call.target for call in asked.calls}
    return len(targets) >= TARGETS or len(asked.calls) >= ATTEMPTS


def _was_too_long(story: Story, asked: Asked, hop: Hop) -> bool:
    """The answer that was asked for has no room, or somebody with as much had none before."""
    rooms = [
        policy.targets[hop.target].context_tokens
        for policy in story.schedule.policies
        if hop.target in policy.targets
    ]
    _, end = _time_of(asked, hop)
    refused = [
        call.policy.context_tokens
        for call in asked.calls
        if call.error_class is ErrorClass.CONTEXT_LENGTH and call.ended <= end
    ]
    wanted = asked.planned.request.sampling.max_tokens or 0
    return any(0 < room <= max(wanted, *refused, 0) for room in rooms)


def _nobody_was_reached(story: Story, asked: Asked, hop: Hop) -> bool:
    _, end = _time_of(asked, hop)
    return was_own_egress(story, end - TOGETHER, end)


def was_own_egress(story: Story, since: float, until: float) -> bool:
    """Whether it may have been our own way out that was down.

    At least two endpoints could not be connected to between these moments, and from all
    others something kept calls away.
    """
    unsent = {
        call.policy.endpoint
        for call in story.calls
        if call.failure is not None and not call.failure.sent and since < call.ended <= until
    }
    return len(unsent) > 1 and any(
        all(
            target.endpoint in unsent or _was_kept_out(story, target, since, until)
            for target in policy.targets.values()
        )
        for policy in story.schedule.policies
    )


def _was_kept_out(story: Story, target: TargetPolicy, since: float, until: float) -> bool:
    """Whether no call went to a target at some moment between these, as everybody could see."""
    start = story.schedule.start
    own_keys = story.schedule.keys.get(target.name)
    keys = {target.quota_key, target.credential_key, target.gone_key}
    looks = story.looks[story.breaker_of[target.name]]
    seen = [look for look in looks if look.at <= since][-1:]
    seen += [look for look in looks if since < look.at <= until]
    return (
        (own_keys is not None and own_keys.at(since - start) is None)
        or any(look.state is not State.CLOSED for look in seen)
        or any(
            order.target == target.name
            and order.at <= until - start
            and since - start <= order.until
            for order in story.isolated
        )
        or any(
            {call.policy.quota_key, call.policy.credential_key, call.policy.gone_key} & keys
            and call.ended <= until
            and since < _shut_by(call)[0]
            for call in story.calls
        )
    )


_REFUSALS: dict[SkipReason | None, tuple[ErrorClass, ...]] = {
    SkipReason.QUOTA: (ErrorClass.RATE_LIMITED, ErrorClass.QUOTA),
    SkipReason.CREDENTIAL_QUARANTINE: (ErrorClass.CREDENTIAL,),
    SkipReason.TARGET_GONE: (ErrorClass.MODEL_GONE, ErrorClass.REGION),
}

_CAUSES: dict[SkipReason, _Cause] = {
    SkipReason.QUOTA: _refused_before,
    SkipReason.CREDENTIAL_QUARANTINE: _refused_before,
    SkipReason.TARGET_GONE: _refused_before,
    SkipReason.CIRCUIT_OPEN: _breaker_was_shut,
    SkipReason.ISOLATED: _was_isolated,
    SkipReason.BULKHEAD: _was_full,
    SkipReason.DEADLINE: _time_was_short,
    SkipReason.BUDGET: _was_spent,
    SkipReason.CONTEXT_LENGTH: _was_too_long,
    SkipReason.SAME_FATE: _nobody_was_reached,
}


def _policy(story: Story, hop: Hop) -> TargetPolicy:
    """The target's policy; its keys are the same in all of them."""
    policies = (policy.targets for policy in story.schedule.policies)
    return next(targets[hop.target] for targets in policies if hop.target in targets)


def _time_of(asked: Asked, hop: Hop) -> tuple[float, float]:
    """When the hop began and ended."""
    begin = asked.began + hop.started
    return begin, begin + hop.latency + _EPSILON
