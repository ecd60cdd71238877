"""What a look-alike says: always the same to the same question."""

import re
from dataclasses import dataclass, replace

from failsoft_upstream.begun import Begun, resumed
from failsoft_upstream.faults import FinishReason, Resumption
from failsoft_upstream.formed import Schema, formed

_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]+|\s+$")
_QUOTED_CHARACTERS = 120
_FILLER = (
    " It has been asked to say a little more, so it goes on in plain words"
    " until the answer is as long as it should be."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How long answers are and how fast they come.

    Attributes:
        chunks: Contents per answer, but for JSON; None: as many as the answer needs.
        tokens_per_chunk: Tokens in each content.
        first_delay: Seconds until the first content.
        chunk_delay: Seconds between two contents.
    """

    chunks: int | None = None
    tokens_per_chunk: int = 1
    first_delay: float = 0.0
    chunk_delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a dialect has understood of a request.

    Attributes:
        model: The model asked for, without a fault's suffix.
        text: What the last user message says.
        tokens: Of the whole question.
        max_tokens: At most so many are said; None: no limit.
        stops: The answer ends before the first of these.
        begun: An answer that may have to be gone on with; None: there is none.
        schema: The answer is JSON by it, by an empty one any object; None: it is words.
    """

    model: str
    text: str
    tokens: int
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    begun: Begun | None = None
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """One piece of an answer, sent as one chunk."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: its pieces, and why it ends."""

    contents: tuple[Content, ...]
    reason: FinishReason


def split(text: str) -> list[str]:
    """The tokens of `text`: words and runs of punctuation."""
    tokens: list[str] = _TOKEN.findall(text)
    return tokens


def count_tokens(text: str) -> int:
    """How many tokens `text` has."""
    return len(split(text))


def answer(question: Question, style: Style) -> Answer:
    """The answer to `question`, cut where its limit or a stop ends it."""
    return _cut(_tokens(question, style), question, style)


def resumption(question: Question, style: Style, how: Resumption) -> Answer:
    """What goes on with the answer that was begun; without one, the answer."""
    begun = question.begun
    if begun is None:
        return answer(question, style)
    whole = "".join(_tokens(replace(question, text=begun.question), style))
    return _cut(split(resumed(whole, begun.said, how)), question, style)


def _cut(tokens: list[str], question: Question, style: Style) -> Answer:
    reason = FinishReason.STOP
    if question.max_tokens is not None and len(tokens) > question.max_tokens:
        tokens = tokens[: question.max_tokens]
        reason = FinishReason.LENGTH
    if question.stops:
        text = "".join(tokens)
        kept = _before_stops(text, question.stops)
        if len(kept) < len(text):
            tokens, reason = split(kept), FinishReason.STOP
    size = style.tokens_per_chunk
    pieces = (tokens[start : start + size] for start in range(0, len(tokens), size))
    return Answer(
        contents=tuple(Content("".join(piece), len(piece)) for piece in pieces),
        reason=reason,
    )


def _tokens(question: Question, style: Style) -> list[str]:
    if question.schema is not None:
        return split(formed(question.schema, _plain(question)))
    tokens = split(_plain(question))
    if style.chunks is None:
        return tokens
    wanted = style.chunks * style.tokens_per_chunk
    filler = split(_FILLER)
    while len(tokens) < wanted:
        tokens += filler
    return tokens[:wanted]


def _plain(question: Question) -> str:
    # The typographic quotes are there on purpose: every answer has multi-byte characters.
    asked = " ".join(question.text.split())
    if len(asked) > _QUOTED_CHARACTERS:
        asked = asked[:_QUOTED_CHARACTERS].rstrip() + "…"
    return f"You asked: “{asked}” This is the answer of {question.model}, played by a look-alike."


def _before_stops(text: str, stops: tuple[str, ...]) -> str:
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
