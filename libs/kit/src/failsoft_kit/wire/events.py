"""The events of a streamed answer; a text delta costs about a microsecond."""

from dataclasses import replace

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.wire.answers import decode_finished, fill_finished
from failsoft_kit.wire.enums import ERROR_CLASS, error_class
from failsoft_kit.wire.logprobs import decode_logprobs, fill_logprobs
from failsoft_kit.wire.walks import decode_hop, decode_load, fill_hop, fill_load
from failsoft_model.events import (
    BlockKind,
    Delta,
    Event,
    Finished,
    HopUpdate,
    Started,
    StreamReset,
)
from failsoft_model.walk import ErrorClass


def encode_event(event: Event) -> pb.StreamGenerateResponse:
    """One event of a stream."""
    response = pb.StreamGenerateResponse()
    match event:
        case Delta():
            _fill_delta(response.delta, event)
        case HopUpdate():
            fill_hop(response.hop_update.hop, event.hop)
        case Started():
            _fill_started(response.started, event)
        case StreamReset():
            response.stream_reset.reason = ERROR_CLASS.number[event.reason]
            response.stream_reset.choice = event.choice
            response.stream_reset.from_block = event.from_block
        case Finished():
            fill_finished(response.finished, event)
    return response


def decode_event(response: pb.StreamGenerateResponse, *, logprobs: bool = False) -> Event | None:
    """A peer's event; None: one that a later contract knows, to be skipped.

    Args:
        logprobs: They were asked for; those of a peer that tells them unasked are left out.

    Raises:
        Malformed: A Finished lacks what a whole answer has.
    """
    match response.WhichOneof("event"):
        case "delta":
            return (_decode_told if logprobs else _decode_delta)(response.delta)
        case "hop_update":
            hop = decode_hop(response.hop_update.hop)
            return None if hop is None else HopUpdate(hop=hop)
        case "started":
            return _decode_started(response.started)
        case "stream_reset":
            reset = response.stream_reset
            return StreamReset(
                reason=error_class(reset.reason) or ErrorClass.UNKNOWN,
                choice=reset.choice,
                from_block=reset.from_block,
            )
        case "finished":
            return decode_finished(response.finished)
        case _:
            return None


def _fill_delta(into: pb.Delta, delta: Delta) -> None:
    if delta.choice:
        into.choice = delta.choice
    if delta.block:
        into.block = delta.block
    match delta.kind:
        case BlockKind.TEXT:
            into.text = delta.text
        case BlockKind.REASONING:
            into.reasoning = delta.text
        case BlockKind.REFUSAL:
            into.refusal = delta.text
        case BlockKind.TOOL_CALL:
            into.tool_call.SetInParent()
            into.tool_call.id = delta.tool_call_id
            into.tool_call.name = delta.tool_name
            into.tool_call.arguments_json = delta.text
    if delta.logprobs:
        fill_logprobs(into.logprobs, delta.logprobs)


def _decode_delta(delta: pb.Delta) -> Delta | None:
    match delta.WhichOneof("content"):
        case "text":
            return Delta(text=delta.text, choice=delta.choice, block=delta.block)
        case "reasoning":
            kind, text = BlockKind.REASONING, delta.reasoning
        case "refusal":
            kind, text = BlockKind.REFUSAL, delta.refusal
        case "tool_call":
            call = delta.tool_call
            return Delta(
                text=call.arguments_json,
                kind=BlockKind.TOOL_CALL,
                choice=delta.choice,
                block=delta.block,
                tool_call_id=call.id,
                tool_name=call.name,
            )
        case _:
            return None
    return Delta(text=text, kind=kind, choice=delta.choice, block=delta.block)


def _decode_told(delta: pb.Delta) -> Delta | None:
    """The same with its tokens."""
    decoded = _decode_delta(delta)
    if decoded is None:
        return None
    return replace(decoded, logprobs=decode_logprobs(delta.logprobs))


def _fill_started(into: pb.Started, started: Started) -> None:
    into.SetInParent()
    into.walk_id = started.walk_id
    into.route = started.route
    into.request_id = started.request_id
    if started.load is not None:
        fill_load(into.load, started.load)


def _decode_started(started: pb.Started) -> Started:
    return Started(
        walk_id=started.walk_id,
        route=started.route,
        request_id=started.request_id,
        load=decode_load(started.load) if started.HasField("load") else None,
    )
