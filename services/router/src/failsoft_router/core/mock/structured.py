"""A mock answer in a form that was asked for: JSON, or one of some choices."""

import functools
import json
import re
from collections.abc import Callable, Iterator

from failsoft_model.chat import ChatRequest, ResponseFormatKind, Sampling
from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.phrases import Phrases
from failsoft_router.core.mock.refusal import CannotMock
from failsoft_router.core.mock.schema import Style, value_for
from failsoft_router.core.mock.tokens import tokens

_LONGEST = 16_384
"""Characters; who asks for more wants an answer, not a mock."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def json_text(request: ChatRequest, phrases: Phrases, key: bytes) -> str:
    """The best answer that is short enough and free of the stop strings: it is never cut.

    Raises:
        CannotMock: There is none.
    """
    failure = CannotMock("no JSON that fits is short enough, and free of the stop strings")
    try:
        for make in _makers(request, phrases, key):
            try:
                text = _written(make())
            except CannotMock as refusal:
                failure = refusal
            else:
                if _is_allowed(text, request.sampling):
                    return text
    except (ValueError, RecursionError):
        failure = CannotMock("the schema is broken, or nested too deeply")
    raise failure


def choice_text(request: ChatRequest, draws: Draws) -> str:
    """One of the choices that are short enough and free of the stop strings.

    Raises:
        CannotMock: There is none.
    """
    choices = request.response_format.choices
    allowed = [choice for choice in choices if _is_allowed(choice, request.sampling)]
    if not allowed:
        raise CannotMock("no choice is short enough, and free of the stop strings")
    return allowed[draws.below(len(allowed))]


def _makers(request: ChatRequest, phrases: Phrases, key: bytes) -> Iterator[Callable[[], object]]:
    """What makes values, the better ones first."""
    if request.response_format.kind is ResponseFormatKind.JSON_OBJECT:
        said = phrases.middle[Draws(key).below(len(phrases.middle))]
        answer = phrases.gap.join((phrases.opening, said))
        yield lambda: {"mock": True, "answer": answer}
        yield lambda: {"mock": True}
        yield dict
        return
    schema = json.loads(request.response_format.schema_json)
    for lean in (False, True):
        style = Style(label=phrases.label, sentence=phrases.opening, lean=lean)
        yield functools.partial(value_for, schema, style, key)


def _written(value: object) -> str:
    """As JSON; half a surrogate pair, which UTF-8 cannot carry, as an escape."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _is_allowed(text: str, sampling: Sampling) -> bool:
    if len(text) > _LONGEST or any(stop in text for stop in sampling.stop):
        return False
    return sampling.max_tokens is None or len(tokens(text)) <= sampling.max_tokens
