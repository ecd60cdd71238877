"""The made-up answer at the end of a route.

It has the form of an answer to the request: its language, about the length that was
asked for, JSON that fits the schema where there is one. It says what it is, in its text
wherever it is free to choose one, and calls no tools. Nothing in it depends on chance:
the same request gets the same answer, another `seed` another one.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from failsoft_model.canonical import canonical
from failsoft_model.chat import ChatRequest, ResponseFormatKind, Role, Sampling, ToolChoiceMode
from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.language import Language, language_of
from failsoft_router.core.mock.length import asked_length
from failsoft_router.core.mock.phrases import PHRASES
from failsoft_router.core.mock.pieces import Piece, pieces
from failsoft_router.core.mock.prose import prose
from failsoft_router.core.mock.refusal import CannotMock
from failsoft_router.core.mock.schema import Style, value_for
from failsoft_router.core.mock.tokens import tokens

_LONGEST_JSON = 16_384
"""Characters; who asks for more wants an answer, not a mock."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MockAnswer:
    """A whole answer, and the same in the pieces of a stream.

    Attributes:
        cut: `max_tokens` ended it.
    """

    text: str
    cut: bool
    pieces: tuple[Piece, ...]


def why_no_mock(request: ChatRequest) -> str | None:
    """What rules a mock answer out at first sight; None: nothing does.

    Schemas are not looked at: that takes as long as to make the answer.
    """
    if request.tool_choice.mode in (ToolChoiceMode.REQUIRED, ToolChoiceMode.NAMED):
        return "a mock calls no tools, and a call is required"
    if request.response_format.kind is not ResponseFormatKind.TEXT and request.continue_from:
        return "a mock cannot go on from the middle of JSON"
    return None


def mock_answer(request: ChatRequest) -> MockAnswer:
    """The answer to a request.

    Raises:
        CannotMock: None has the form that is asked for.
    """
    if problem := why_no_mock(request):
        raise CannotMock(problem)
    key = hashlib.sha256(canonical(request, route="", epoch=0)).digest()
    if request.response_format.kind is ResponseFormatKind.TEXT:
        text, cut = _text(request, Draws(key + b"text"))
    else:
        text, cut = _json(request, key + b"json"), False
    return MockAnswer(text=text, cut=cut, pieces=pieces(text, Draws(key + b"pieces")))


def _text(request: ChatRequest, draws: Draws) -> tuple[str, bool]:
    """The text, and whether `max_tokens` cut it."""
    question, language = _question(request)
    text = prose(PHRASES[language], asked_length(question, language), draws)
    for stop in request.sampling.stop:
        text = text.partition(stop)[0]
    if request.continue_from and text:
        text = " " + text
    limit, parts = request.sampling.max_tokens, tokens(text)
    if limit is None or len(parts) <= limit:
        return text, False
    return "".join(parts[:limit]), True


def _json(request: ChatRequest, key: bytes) -> str:
    """The best answer in JSON that is short enough.

    Raises:
        CannotMock: There is none.
    """
    failure = CannotMock("no JSON that fits is short enough, and free of the stop strings")
    for make in _JSON_MAKERS[request.response_format.kind]:
        try:
            text = _written(make(request, key))
        except CannotMock as refusal:
            failure = refusal
        except (ValueError, RecursionError):
            failure = CannotMock("the schema is broken, or nested too deeply")
        else:
            if _fits(text, request.sampling):
                return text
    raise failure


def _free_object(request: ChatRequest, key: bytes) -> object:
    phrases, draws = PHRASES[_question(request)[1]], Draws(key)
    said = phrases.middle[draws.below(len(phrases.middle))]
    return {"mock": True, "answer": phrases.gap.join((phrases.opening, said))}


def _small_object(request: ChatRequest, key: bytes) -> object:
    return {"mock": True}


def _empty_object(request: ChatRequest, key: bytes) -> object:
    return {}


def _rich_value(request: ChatRequest, key: bytes) -> object:
    return _value(request, key, lean=False)


def _lean_value(request: ChatRequest, key: bytes) -> object:
    return _value(request, key, lean=True)


def _value(request: ChatRequest, key: bytes, *, lean: bool) -> object:
    phrases = PHRASES[_question(request)[1]]
    style = Style(label=phrases.label, sentence=phrases.opening, lean=lean)
    return value_for(json.loads(request.response_format.schema_json), style, key)


_JSON_MAKERS: Mapping[ResponseFormatKind, tuple[Callable[[ChatRequest, bytes], object], ...]] = {
    ResponseFormatKind.JSON_OBJECT: (_free_object, _small_object, _empty_object),
    ResponseFormatKind.JSON_SCHEMA: (_rich_value, _lean_value),
}
"""Who makes values in JSON, the better ones first."""


def _written(value: object) -> str:
    """As JSON; half a surrogate pair, which UTF-8 cannot carry, as an escape."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _fits(text: str, sampling: Sampling) -> bool:
    if len(text) > _LONGEST_JSON or any(stop in text for stop in sampling.stop):
        return False
    return sampling.max_tokens is None or len(tokens(text)) <= sampling.max_tokens


def _question(request: ChatRequest) -> tuple[str, Language]:
    """The last thing that the user wrote in a language that is recognised, and the language."""
    said = [message.text for message in request.messages if message.role is Role.USER]
    for text in reversed(said):
        if language := language_of(text):
            return text, language
    return (said[-1] if said else ""), Language.ENGLISH
