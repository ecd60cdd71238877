"""What is asked: a line of text, a conversation, or a whole request."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from failsoft.inference.v1 import chat_pb2 as pb

Question = str | Sequence[pb.Message] | pb.ChatRequest
"""A question of the user, the messages of a conversation, or a request to be completed."""


class Options(TypedDict, total=False):
    """The fields of a request, named and limited as in the contract; absent means unset."""

    model: str
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    stop: Sequence[str]
    seed: int
    presence_penalty: float
    frequency_penalty: float
    logprobs: bool
    top_logprobs: int
    logit_bias: Mapping[int, float]
    tools: Sequence[pb.Tool]
    tool_choice: pb.ToolChoice
    response_format: pb.ResponseFormat
    cache_control: pb.CacheControl
    request_id: str
    criticality: pb.Criticality.ValueType
    continue_from: str
    refused_degradations: Sequence[pb.Degradation.ValueType]


_SAMPLING = frozenset(pb.Sampling.DESCRIPTOR.fields_by_name)


def user(text: str) -> pb.Message:
    """What the person or program that asks says."""
    return _said(pb.ROLE_USER, text)


def assistant(text: str) -> pb.Message:
    """What the model said earlier."""
    return _said(pb.ROLE_ASSISTANT, text)


def system(text: str) -> pb.Message:
    """Instructions for the whole conversation."""
    return _said(pb.ROLE_SYSTEM, text)


def _said(role: pb.Role.ValueType, text: str) -> pb.Message:
    return pb.Message(role=role, parts=[pb.Part(text=text)])


def chat_request(question: Question, options: Options) -> pb.ChatRequest:
    """The request of a question; options win over what a given request says.

    Raises:
        ValueError: An option is no field of the contract.
        TypeError: An option's value is of the wrong type.
    """
    request = pb.ChatRequest()
    match question:
        case pb.ChatRequest():
            request.CopyFrom(question)
        case str():
            request.messages.append(user(question))
        case _:
            request.messages.extend(question)
    for name, value in options.items():
        _put(request.sampling if name in _SAMPLING else request, name, value)
    return request


def _put(into: pb.ChatRequest | pb.Sampling, name: str, value: object) -> None:
    """Set one field, whatever its kind; what was there before is gone."""
    into.ClearField(name)  # type: ignore[arg-type]
    into.MergeFrom(type(into)(**{name: value}))  # type: ignore[arg-type]
