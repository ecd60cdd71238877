"""The made-up answer at the end of a route.

It has the form of an answer to the request: its language, about the length that was
asked for, JSON that fits the schema where there is one. It says what it is, in its text
wherever it is free to choose one, and calls no tools. Nothing in it depends on chance:
the same request gets the same answer, another `seed` another one.
"""

import hashlib
from dataclasses import dataclass

from failsoft_model.canonical import canonical
from failsoft_model.chat import ChatRequest, ResponseFormatKind, Role, ToolChoiceMode
from failsoft_router.core.language import Language, language_of
from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.length import asked_length
from failsoft_router.core.mock.phrases import PHRASES
from failsoft_router.core.mock.pieces import Piece, pieces
from failsoft_router.core.mock.prose import prose
from failsoft_router.core.mock.refusal import CannotMock
from failsoft_router.core.mock.structured import choice_text, json_text
from failsoft_router.core.mock.tokens import tokens


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
    if request.sampling.logprobs:
        return "a mock has no probabilities"
    if request.response_format.kind is ResponseFormatKind.REGEX:
        return "a mock matches no regular expression"
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
    text, cut = _formed(request, key)
    return MockAnswer(text=text, cut=cut, pieces=pieces(text, Draws(key + b"pieces")))


def _formed(request: ChatRequest, key: bytes) -> tuple[str, bool]:
    """The text in the form that is asked for, and whether `max_tokens` cut it."""
    match request.response_format.kind:
        case ResponseFormatKind.TEXT:
            return _text(request, Draws(key + b"text"))
        case ResponseFormatKind.CHOICE:
            return choice_text(request, Draws(key + b"choice")), False
        case _:
            return json_text(request, PHRASES[_question(request)[1]], key + b"json"), False


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


def _question(request: ChatRequest) -> tuple[str, Language]:
    """The last thing that the user wrote in a language that is recognised, and the language.

    Where no user says anything, the system's words are the question.
    """
    said = [message.text for message in request.messages if message.role is Role.USER]
    said = said or [message.text for message in request.messages]
    for text in reversed(said):
        if language := language_of(text):
            return text, language
    return (said[-1] if said else ""), Language.ENGLISH
