"""Whether a whole answer has the form that was asked for.

Only answers that ended by themselves are judged: one that was cut at `max_tokens`, or at a stop
sequence, which no finish reason tells from an end, is cut by every target. A call of a tool or
a refusal has a form of its own. Regular expressions are not tried: they can take for ever, and
only engines that hold answers to them are asked for one.
"""

import json

from failsoft_model.chat import ChatRequest, ResponseFormatKind, Text
from failsoft_model.events import Choice
from failsoft_model.walk import FinishReason
from failsoft_router.core.schema import misfits


def is_misformed(choice: Choice, request: ChatRequest, finish_reason: FinishReason) -> bool:
    """Whether the answer surely lacks the form that was asked for."""
    form = request.response_format
    if form.kind is ResponseFormatKind.TEXT or finish_reason is not FinishReason.STOP:
        return False
    if request.sampling.stop:
        return False
    parts = choice.message.parts
    if choice.refusal or not all(isinstance(part, Text) for part in parts):
        return False
    said = "".join(part.text for part in parts if isinstance(part, Text))
    text = request.continue_from + said
    match form.kind:
        case ResponseFormatKind.JSON_OBJECT:
            return not isinstance(_parsed(text), dict)
        case ResponseFormatKind.JSON_SCHEMA:
            value = _parsed(text)
            return value is _NO_JSON or misfits(value, _parsed(form.schema_json))
        case ResponseFormatKind.CHOICE:
            return text not in form.choices
        case _:
            return False


_NO_JSON = object()
_MOST_DIGITS = 4300
"""Python reads no longer whole number; JSON knows no limit."""


def _parsed(text: str) -> object:
    """The JSON value that a text is; `_NO_JSON`: it is none."""
    try:
        value: object = json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError):
        return _NO_JSON
    return value


def _whole(digits: str) -> float:
    """A whole number; infinite where it is too long to be read."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)
