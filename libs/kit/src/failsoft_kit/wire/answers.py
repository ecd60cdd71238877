"""Whole answers and the facts about them."""

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.wire.durations import decode_duration, fill_duration
from failsoft_kit.wire.enums import CACHE_STATUS, DEGRADATION, FINISH_REASON
from failsoft_kit.wire.logprobs import decode_logprobs, fill_logprobs
from failsoft_kit.wire.malformed import Malformed
from failsoft_kit.wire.parts import decode_part, fill_message
from failsoft_kit.wire.walks import (
    decode_hop,
    decode_load,
    decode_usage,
    fill_hop,
    fill_load,
    fill_usage,
)
from failsoft_model.chat import Message, Role
from failsoft_model.events import Answer, Choice, Finished


def encode_answer(answer: Answer) -> pb.GenerateResponse:
    """What a unary caller gets."""
    response = pb.GenerateResponse()
    fill_choice(response.choices.add(), answer.choice)
    fill_finished(response.finished, answer.finished)
    return response


def decode_answer(response: pb.GenerateResponse) -> Answer:
    """A peer's answer.

    Raises:
        Malformed: There is no choice, or a fact is missing that a whole answer has.
    """
    if not response.choices:
        raise Malformed("choices: empty")
    if not response.HasField("finished"):
        raise Malformed("finished: not set")
    return Answer(
        choice=decode_choice(response.choices[0]), finished=decode_finished(response.finished)
    )


def fill_choice(into: pb.Choice, choice: Choice) -> None:
    """Write one answer."""
    into.index = choice.index
    fill_message(into.message, choice.message)
    into.reasoning = choice.reasoning
    into.refusal = choice.refusal
    if choice.logprobs:
        fill_logprobs(into.logprobs, choice.logprobs)


def decode_choice(choice: pb.Choice) -> Choice:
    """One answer of a peer or of the cache; parts that a later contract knows are left out."""
    parts = [part for message in choice.message.parts if (part := decode_part(message)) is not None]
    return Choice(
        index=choice.index,
        message=Message(role=Role.ASSISTANT, parts=tuple(parts)),
        reasoning=choice.reasoning,
        refusal=choice.refusal,
        logprobs=decode_logprobs(choice.logprobs),
    )


def fill_finished(into: pb.Finished, finished: Finished) -> None:
    """Write the facts about a whole answer."""
    into.finish_reason = FINISH_REASON.number[finished.finish_reason]
    if finished.usage is not None:
        fill_usage(into.usage, finished.usage)
    into.served_by = finished.served_by
    into.model = finished.model
    into.degradation = DEGRADATION.number[finished.degradation]
    if finished.cache_status is not None:
        into.cache_status = CACHE_STATUS.number[finished.cache_status]
    if finished.cache_age is not None:
        fill_duration(into.cache_age, finished.cache_age)
    for hop in finished.hops:
        fill_hop(into.hops.add(), hop)
    into.dropped_parameters.extend(finished.dropped_parameters)
    if finished.load is not None:
        fill_load(into.load, finished.load)
    into.trace_id = finished.trace_id
    into.walk_id = finished.walk_id
    into.route = finished.route
    into.request_id = finished.request_id


def decode_finished(finished: pb.Finished) -> Finished:
    """The facts about a peer's answer.

    Raises:
        Malformed: It is not said why the answer ended or how good it is, or in words of a
            later contract: neither may be guessed.
    """
    finish_reason = FINISH_REASON.member.get(finished.finish_reason)
    if finish_reason is None:
        raise Malformed("finished.finish_reason: not a known value")
    degradation = DEGRADATION.member.get(finished.degradation)
    if degradation is None:
        raise Malformed("finished.degradation: not a known value")
    has = finished.HasField
    return Finished(
        finish_reason=finish_reason,
        served_by=finished.served_by,
        model=finished.model,
        usage=decode_usage(finished.usage) if has("usage") else None,
        degradation=degradation,
        cache_status=CACHE_STATUS.member.get(finished.cache_status),
        cache_age=decode_duration(finished.cache_age) if has("cache_age") else None,
        hops=tuple([hop for message in finished.hops if (hop := decode_hop(message)) is not None]),
        dropped_parameters=tuple(finished.dropped_parameters),
        load=decode_load(finished.load) if has("load") else None,
        trace_id=finished.trace_id,
        walk_id=finished.walk_id,
        route=finished.route,
        request_id=finished.request_id,
    )
