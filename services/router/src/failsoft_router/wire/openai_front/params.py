"""What the contract calls a field, in OpenAI's spelling."""

import re
from collections.abc import Callable, Sequence

from failsoft_model.chat import ChatRequest, Message, ToolCall
from failsoft_model.errors import FieldViolation
from failsoft_model.limits import violations

_PART = re.compile(r"messages\[(\d+)\]\.parts\[(\d+)\]\.(.+)")
_CONSTANT = re.compile(r"(?:ROLE|TOOL_CHOICE_MODE|RESPONSE_FORMAT_KIND)_([A-Z_]+)")

_RENAMED: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern), spelling)
    for pattern, spelling in (
        (r"messages\[(\d+)\]\.parts", r"messages[\1].content"),
        (r"sampling\.(.+)", r"\1"),
        (r"tools\[(\d+)\]\.parameters_json", r"tools[\1].function.parameters"),
        (r"tools\[(\d+)\]\.(.+)", r"tools[\1].function.\2"),
        (r"tool_choice\.name", "tool_choice.function.name"),
        (r"tool_choice\.mode", "tool_choice"),
        (r"response_format\.schema_json", "response_format.json_schema.schema"),
        (r"response_format\.name", "response_format.json_schema.name"),
        (r"response_format\.kind", "response_format.type"),
        (r"cache_control\.(.+)", r"failsoft.cache_control.\1"),
    )
)


def limit_violations(request: ChatRequest, *, max_tokens: str) -> list[FieldViolation]:
    """Every limit that the request breaks, each with the field that its caller wrote.

    Args:
        max_tokens: Which of OpenAI's two names the caller used.
    """
    rename = spelling_of(request, max_tokens=max_tokens)
    return [
        FieldViolation(field=rename(each.field), description=_spelled(each.description))
        for each in violations(request)
    ]


def spelling_of(request: ChatRequest, *, max_tokens: str) -> Callable[[str], str]:
    """Gives the field that the caller wrote for a path of the contract's.

    Args:
        max_tokens: Which of OpenAI's two names the caller used.
    """
    messages = request.messages

    def rename(path: str) -> str:
        path = path.removeprefix("chat.")
        if path == "sampling.max_tokens":
            return max_tokens
        if part := _PART.fullmatch(path):
            index, place, field = int(part[1]), int(part[2]), part[3]
            return f"messages[{index}].{_part(messages[index], place, field)}"
        for pattern, spelling in _RENAMED:
            if match := pattern.fullmatch(path):
                return match.expand(spelling)
        return path

    return rename


def _part(message: Message, place: int, field: str) -> str:
    """A field of a part, as the message's own."""
    head, _, rest = field.partition(".")
    match head:
        case "tool_call":
            before = [part for part in message.parts[:place] if isinstance(part, ToolCall)]
            return f"tool_calls[{len(before)}].function.{rest.removesuffix('_json')}"
        case "tool_result":
            return "content"
        case "image":
            return f"content[{place}].image_url.url"
        case _:
            return f"content[{place}].{head}"


def _spelled(description: str) -> str:
    """Without the names of the contract's enums."""
    return _CONSTANT.sub(lambda match: match[1].lower(), description)
