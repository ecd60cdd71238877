"""Requests of callers, who are told all their mistakes at once."""

import re
from itertools import islice

from failsoft.inference.v1 import chat_pb2, inference_service_pb2
from failsoft_kit.wire.durations import decode_duration
from failsoft_kit.wire.enums import (
    CRITICALITY,
    DEGRADATION,
    RESPONSE_FORMAT_KIND,
    ROLE,
    TOOL_CHOICE_MODE,
    EnumMap,
    M,
    N,
)
from failsoft_kit.wire.parts import decode_part
from failsoft_model.chat import (
    CacheControl,
    ChatRequest,
    Criticality,
    Degradation,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from failsoft_model.errors import FieldViolation, InvalidRequest
from failsoft_model.limits import (
    MAX_BIASES,
    MAX_CHOICES,
    MAX_MESSAGES,
    MAX_PARTS,
    MAX_STOPS,
    MAX_TOOLS,
    violations,
)

Holder = (
    inference_service_pb2.GenerateRequest
    | inference_service_pb2.StreamGenerateRequest
    | inference_service_pb2.CountTokensRequest
)
"""The messages that hold a ChatRequest in their field `chat`."""

Found = list[FieldViolation]

_NO_SAMPLING = Sampling()
_ANY_TOOL = ToolChoice()
_PLAIN_TEXT = ResponseFormat()
_CACHE_AS_ROUTED = CacheControl()
_NONE_REFUSED: frozenset[Degradation] = frozenset()
_MAX_REFUSED = 16
_ENOUGH = 32
"""With so many mistakes of structure the limits are not looked at."""
_DECIDING_FIELD = re.compile(r"(?<=\.)(role|mode|kind)$")
"""While it is wrong, nothing can be said about the fields beside it."""


def decode_request(holder: Holder) -> ChatRequest:
    """A caller's request, checked.

    Raises:
        InvalidRequest: It breaks the contract; has every violation with its field path.
    """
    if not holder.HasField("chat"):
        raise _invalid([FieldViolation(field="chat", description="required")])
    found: Found = []
    request = _decode_chat(holder.chat, found)
    if not found:
        found += violations(request)
    elif len(found) < _ENOUGH:
        shadows = tuple([_DECIDING_FIELD.sub("", violation.field) for violation in found])
        found += [v for v in violations(request) if not v.field.startswith(shadows)]
    if found:
        raise _invalid(found)
    return request


def _invalid(found: Found) -> InvalidRequest:
    first = f"{found[0].field}: {found[0].description}"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidRequest(first + more, violations=found)


def _decode_chat(chat: chat_pb2.ChatRequest, found: Found) -> ChatRequest:
    """The request, with placeholders for what `found` says is wrong.

    Of lists one more than the limit is read: enough to be refused, and not more work than
    for an allowed request.
    """
    messages = [
        _decode_message(message, index, found)
        for index, message in enumerate(chat.messages[: MAX_MESSAGES + 1])
    ]
    return ChatRequest(
        model=chat.model,
        messages=tuple(messages),
        sampling=_decode_sampling(chat),
        tools=_decode_tools(chat),
        tool_choice=_decode_tool_choice(chat, found),
        response_format=_decode_response_format(chat, found),
        cache_control=_decode_cache_control(chat),
        request_id=chat.request_id,
        criticality=_member(
            CRITICALITY, chat.criticality, Criticality.CRITICAL, "chat.criticality", found
        ),
        continue_from=chat.continue_from,
        refused_degradations=_decode_refused(chat, found),
    )


def _member(enums: EnumMap[M, N], number: N, unspecified: M, path: str, found: Found) -> M:
    """The member of a number that a caller sent; unknown ones are a violation."""
    if number == 0:
        return unspecified
    member = enums.member.get(number)
    if member is None:
        found.append(_unknown(path, number))
        return unspecified
    return member


def _decode_message(message: chat_pb2.Message, index: int, found: Found) -> Message:
    role = ROLE.member.get(message.role)
    if role is None:
        found.append(_unknown(f"chat.messages[{index}].role", message.role))
        role = Role.USER
    parts = [
        decode_part(part) or _placeholder(f"chat.messages[{index}].parts[{place}]", found)
        for place, part in enumerate(message.parts[: MAX_PARTS + 1])
    ]
    return Message(role=role, parts=tuple(parts))


def _placeholder(path: str, found: Found) -> Text:
    found.append(FieldViolation(field=path, description="exactly one field must be set"))
    return Text(text="")


def _decode_sampling(chat: chat_pb2.ChatRequest) -> Sampling:
    if not chat.HasField("sampling"):
        return _NO_SAMPLING
    sampling = chat.sampling
    has = sampling.HasField
    return Sampling(
        temperature=sampling.temperature if has("temperature") else None,
        top_p=sampling.top_p if has("top_p") else None,
        top_k=sampling.top_k if has("top_k") else None,
        max_tokens=sampling.max_tokens if has("max_tokens") else None,
        stop=tuple(sampling.stop[: MAX_STOPS + 1]),
        seed=sampling.seed if has("seed") else None,
        presence_penalty=sampling.presence_penalty if has("presence_penalty") else None,
        frequency_penalty=sampling.frequency_penalty if has("frequency_penalty") else None,
        logprobs=sampling.logprobs,
        top_logprobs=sampling.top_logprobs,
        logit_bias=tuple(sorted(islice(sampling.logit_bias.items(), MAX_BIASES + 1))),
    )


def _decode_tools(chat: chat_pb2.ChatRequest) -> tuple[Tool, ...]:
    tools = [
        Tool(name=tool.name, description=tool.description, parameters_json=tool.parameters_json)
        for tool in chat.tools[: MAX_TOOLS + 1]
    ]
    return tuple(tools)


def _decode_tool_choice(chat: chat_pb2.ChatRequest, found: Found) -> ToolChoice:
    if not chat.HasField("tool_choice"):
        return _ANY_TOOL
    choice = chat.tool_choice
    path = "chat.tool_choice.mode"
    mode = _member(TOOL_CHOICE_MODE, choice.mode, ToolChoiceMode.AUTO, path, found)
    return ToolChoice(mode=mode, name=choice.name)


def _decode_response_format(chat: chat_pb2.ChatRequest, found: Found) -> ResponseFormat:
    if not chat.HasField("response_format"):
        return _PLAIN_TEXT
    form = chat.response_format
    path = "chat.response_format.kind"
    kind = _member(RESPONSE_FORMAT_KIND, form.kind, ResponseFormatKind.TEXT, path, found)
    return ResponseFormat(
        kind=kind,
        name=form.name,
        schema_json=form.schema_json,
        regex=form.regex,
        choices=tuple(form.choices[: MAX_CHOICES + 1]),
    )


def _decode_cache_control(chat: chat_pb2.ChatRequest) -> CacheControl:
    if not chat.HasField("cache_control"):
        return _CACHE_AS_ROUTED
    control = chat.cache_control
    return CacheControl(
        no_cache=control.no_cache,
        no_store=control.no_store,
        max_age=decode_duration(control.max_age) if control.HasField("max_age") else None,
    )


def _decode_refused(chat: chat_pb2.ChatRequest, found: Found) -> frozenset[Degradation]:
    numbers = chat.refused_degradations
    if not numbers:
        return _NONE_REFUSED
    path = "chat.refused_degradations"
    if len(numbers) > _MAX_REFUSED:
        found.append(FieldViolation(field=path, description="name each degradation once"))
        return _NONE_REFUSED
    refused: set[Degradation] = set()
    for index, number in enumerate(numbers):
        member = DEGRADATION.member.get(number)
        if member is None:
            found.append(_unknown(f"{path}[{index}]", number))
        else:
            refused.add(member)
    return frozenset(refused)


def _unknown(path: str, number: int) -> FieldViolation:
    description = f"{number} is not a known value" if number else "required"
    return FieldViolation(field=path, description=description)
