"""What a walk leaves behind: hops, attempts, usage, load, and why it ended with nothing."""

from failsoft.inference.v1 import walk_pb2 as pb
from failsoft_kit.wire.durations import decode_duration, fill_duration
from failsoft_kit.wire.enums import (
    ERROR_CLASS,
    HOP_OUTCOME,
    PLACE_REASON,
    SKIP_REASON,
    error_class,
)
from failsoft_model.walk import Attempt, Hop, Load, Usage, WalkFailure

MAX_FAILURE_BYTES = 4096


def fill_usage(into: pb.Usage, usage: Usage) -> None:
    """Write a usage; one of zeros is written too."""
    into.SetInParent()
    into.input_tokens = usage.input_tokens
    into.output_tokens = usage.output_tokens
    into.cached_input_tokens = usage.cached_input_tokens
    into.reasoning_tokens = usage.reasoning_tokens


def decode_usage(usage: pb.Usage) -> Usage:
    """What a peer counted."""
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )


def fill_load(into: pb.Load, load: Load) -> None:
    """Write a load; one of zeros is written too."""
    into.SetInParent()
    into.running = load.running
    into.waiting = load.waiting
    into.capacity = load.capacity
    into.running_tokens = load.running_tokens
    into.waiting_tokens = load.waiting_tokens
    into.capacity_tokens = load.capacity_tokens


def decode_load(load: pb.Load) -> Load:
    """How busy a peer says it is."""
    return Load(
        running=load.running,
        waiting=load.waiting,
        capacity=load.capacity,
        running_tokens=load.running_tokens,
        waiting_tokens=load.waiting_tokens,
        capacity_tokens=load.capacity_tokens,
    )


def fill_hop(into: pb.Hop, hop: Hop) -> None:
    """Write a hop with its attempts."""
    into.position = hop.position
    into.target = hop.target
    into.outcome = HOP_OUTCOME.number[hop.outcome]
    if hop.skip_reason is not None:
        into.skip_reason = SKIP_REASON.number[hop.skip_reason]
    if hop.error_class is not None:
        into.error_class = ERROR_CLASS.number[hop.error_class]
    if hop.place is not None:
        into.place = PLACE_REASON.number[hop.place]
    into.detail = hop.detail
    fill_duration(into.started, hop.started)
    fill_duration(into.latency, hop.latency)
    for attempt in hop.attempts:
        _fill_attempt(into.attempts.add(), attempt)


def _fill_attempt(into: pb.Attempt, attempt: Attempt) -> None:
    into.id = attempt.id
    into.model = attempt.model
    if attempt.error_class is not None:
        into.error_class = ERROR_CLASS.number[attempt.error_class]
    into.http_status = attempt.http_status
    if attempt.time_to_first_content is not None:
        fill_duration(into.time_to_first_content, attempt.time_to_first_content)
    fill_duration(into.latency, attempt.latency)
    if attempt.usage is not None:
        fill_usage(into.usage, attempt.usage)
    fill_duration(into.started, attempt.started)
    into.detail = attempt.detail


def decode_hop(hop: pb.Hop) -> Hop | None:
    """A peer's hop; None: how it ended is not said, or in a word of a later contract."""
    outcome = HOP_OUTCOME.member.get(hop.outcome)
    if outcome is None:
        return None
    return Hop(
        position=hop.position,
        target=hop.target,
        outcome=outcome,
        skip_reason=SKIP_REASON.member.get(hop.skip_reason),
        error_class=error_class(hop.error_class),
        detail=hop.detail,
        started=decode_duration(hop.started),
        latency=decode_duration(hop.latency),
        attempts=tuple([_decode_attempt(attempt) for attempt in hop.attempts]),
        place=PLACE_REASON.member.get(hop.place),
    )


def _decode_attempt(attempt: pb.Attempt) -> Attempt:
    spoke = attempt.HasField("time_to_first_content")
    return Attempt(
        id=attempt.id,
        model=attempt.model,
        error_class=error_class(attempt.error_class),
        http_status=attempt.http_status,
        time_to_first_content=decode_duration(attempt.time_to_first_content) if spoke else None,
        latency=decode_duration(attempt.latency),
        usage=decode_usage(attempt.usage) if attempt.HasField("usage") else None,
        started=decode_duration(attempt.started),
        detail=attempt.detail,
    )


def encode_walk_failure(failure: WalkFailure, *, room: int = MAX_FAILURE_BYTES) -> pb.WalkFailure:
    """The detail of a status, at most `MAX_FAILURE_BYTES` long.

    Where it would be longer, hops lose their details and attempts, last first; if that is
    not enough, whole hops are left out, last first.

    Args:
        room: Bytes that the status has left for it, if those are fewer.
    """
    room = min(room, MAX_FAILURE_BYTES)
    message = pb.WalkFailure(
        walk_id=failure.walk_id, route=failure.route, trace_id=failure.trace_id
    )
    if failure.cause is not None:
        message.cause = ERROR_CLASS.number[failure.cause]
    for hop in failure.hops:
        fill_hop(message.hops.add(), hop)
    for hop_message in reversed(message.hops):
        if message.ByteSize() <= room:
            return message
        hop_message.ClearField("detail")
        hop_message.ClearField("attempts")
    while message.hops and message.ByteSize() > room:
        message.hops.pop()
    return message


def decode_walk_failure(failure: pb.WalkFailure) -> WalkFailure:
    """Why a peer's walk ended with nothing; hops that cannot be read are left out."""
    return WalkFailure(
        walk_id=failure.walk_id,
        route=failure.route,
        trace_id=failure.trace_id,
        cause=error_class(failure.cause),
        hops=tuple([hop for message in failure.hops if (hop := decode_hop(message)) is not None]),
    )
