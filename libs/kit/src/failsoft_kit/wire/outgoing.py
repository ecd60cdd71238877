"""Requests to another answerer: local-llm or a router."""

from typing import TypeVar

from failsoft.inference.v1 import chat_pb2
from failsoft_kit.wire.durations import fill_duration
from failsoft_kit.wire.enums import CRITICALITY, DEGRADATION, RESPONSE_FORMAT_KIND, TOOL_CHOICE_MODE
from failsoft_kit.wire.parts import fill_message
from failsoft_kit.wire.requests import Holder
from failsoft_model.chat import CacheControl, ChatRequest, ResponseFormat, Sampling, ToolChoice

H = TypeVar("H", bound=Holder)

_ANY_TOOL = ToolChoice()
_PLAIN_TEXT = ResponseFormat()
_CACHE_AS_ROUTED = CacheControl()


def encode_request(request: ChatRequest, holder: type[H]) -> H:
    """The message that asks `request`, such as `encode_request(r, StreamGenerateRequest)`."""
    message = holder()
    _fill_chat(message.chat, request)
    return message


def _fill_chat(into: chat_pb2.ChatRequest, request: ChatRequest) -> None:
    into.model = request.model
    for message in request.messages:
        fill_message(into.messages.add(), message)
    _fill_sampling(into.sampling, request.sampling)
    for tool in request.tools:
        into.tools.add(
            name=tool.name, description=tool.description, parameters_json=tool.parameters_json
        )
    if request.tool_choice != _ANY_TOOL:
        into.tool_choice.mode = TOOL_CHOICE_MODE.number[request.tool_choice.mode]
        into.tool_choice.name = request.tool_choice.name
    if request.response_format != _PLAIN_TEXT:
        into.response_format.kind = RESPONSE_FORMAT_KIND.number[request.response_format.kind]
        into.response_format.name = request.response_format.name
        into.response_format.schema_json = request.response_format.schema_json
        into.response_format.regex = request.response_format.regex
        into.response_format.choices.extend(request.response_format.choices)
    if request.cache_control != _CACHE_AS_ROUTED:
        _fill_cache_control(into.cache_control, request.cache_control)
    into.request_id = request.request_id
    into.criticality = CRITICALITY.number[request.criticality]
    into.continue_from = request.continue_from
    into.refused_degradations.extend(
        sorted(DEGRADATION.number[degradation] for degradation in request.refused_degradations)
    )


def _fill_sampling(into: chat_pb2.Sampling, sampling: Sampling) -> None:
    """Write what is set; nothing at all leaves `into` unset."""
    if sampling.temperature is not None:
        into.temperature = sampling.temperature
    if sampling.top_p is not None:
        into.top_p = sampling.top_p
    if sampling.top_k is not None:
        into.top_k = sampling.top_k
    if sampling.max_tokens is not None:
        into.max_tokens = sampling.max_tokens
    if sampling.stop:
        into.stop.extend(sampling.stop)
    if sampling.seed is not None:
        into.seed = sampling.seed
    if sampling.presence_penalty is not None:
        into.presence_penalty = sampling.presence_penalty
    if sampling.frequency_penalty is not None:
        into.frequency_penalty = sampling.frequency_penalty
    if sampling.logprobs:
        into.logprobs = True
        into.top_logprobs = sampling.top_logprobs
    for token, bias in sampling.logit_bias:
        into.logit_bias[token] = bias


def _fill_cache_control(into: chat_pb2.CacheControl, control: CacheControl) -> None:
    into.no_cache = control.no_cache
    into.no_store = control.no_store
    if control.max_age is not None:
        fill_duration(into.max_age, control.max_age)
