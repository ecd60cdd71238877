"""Answers as Gemini writes them: one JSON document, or server-sent events."""

import math

import orjson

from failsoft_upstream.answer import split
from failsoft_upstream.faults import ErrorKind, FinishReason
from failsoft_upstream.gemini.errors import GeminiErrors, Json

_ERRORS = GeminiErrors()
_BROKEN = b'{"candidates":[{"content":'
_WORDS = {
    FinishReason.STOP: "STOP",
    FinishReason.LENGTH: "MAX_TOKENS",
    FinishReason.CONTENT_FILTER: "SAFETY",
}


def _usage(*, asked: int, said: int = 0) -> Json:
    usage: Json = {"promptTokenCount": asked, "totalTokenCount": asked + said}
    return usage | ({"candidatesTokenCount": said} if said else {})


def _logprobs(text: str, *, alternatives: int) -> Json:
    """Made up, always the same for the same text; each place has half of what is left."""
    tokens = split(text)
    chosen = [{"token": token, "logProbability": math.log(0.5)} for token in tokens]
    told: Json = {"chosenCandidates": chosen}
    if alternatives:
        told["topCandidates"] = [
            {
                "candidates": [
                    {"token": token + "s" * place, "logProbability": math.log(0.5 ** (place + 1))}
                    for place in range(alternatives)
                ]
            }
            for token in tokens
        ]
    return told


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def _error(kind: ErrorKind, *, model: str, asked: int) -> bytes:
    """An error's body; a prompt that is blocked is a reply without candidates."""
    if kind is not ErrorKind.CONTENT_FILTER:
        return _ERRORS.of_kind(kind, model=model)[1]
    feedback = {"blockReason": "PROHIBITED_CONTENT"}
    usage = _usage(asked=asked)
    return orjson.dumps({"promptFeedback": feedback, "usageMetadata": usage, "modelVersion": model})


class EventEncoder:
    """A streamed answer: replies with one candidate each as server-sent events."""

    content_type = "text/event-stream"
    streams = True

    def __init__(
        self, *, identifier: str, model: str, question_tokens: int, alternatives: int | None = None
    ) -> None:
        """Prepare what all chunks have in common.

        Args:
            alternatives: Tell each token, with so many that might have been taken; None: tell
                none.
        """
        self._question_tokens = question_tokens
        self._model = model
        self._alternatives = alternatives
        self._after = {"modelVersion": model, "responseId": identifier}

    def opening(self) -> bytes:
        """A chunk that says nothing."""
        return self._chunk({"text": ""})

    def content(self, text: str) -> bytes:
        """A chunk with text."""
        if self._alternatives is None or not text:
            return self._chunk({"text": text})
        told = _logprobs(text, alternatives=self._alternatives)
        return self._chunk({"text": text}, fields={"logprobsResult": told})

    def finish(self, reason: FinishReason, *, tokens: int) -> bytes:
        """The chunk with the finish reason and the whole usage."""
        return self._chunk({"text": ""}, fields={"finishReason": _WORDS[reason]}, said=tokens)

    def end(self) -> bytes:
        """The end of the body is the mark."""
        return b""

    def keep_alive(self) -> bytes:
        """A comment, which event readers skip."""
        return b": keep-alive\r\n\r\n"

    def blank(self) -> bytes:
        """A chunk with an empty text."""
        return self.content("")

    def tool_call(self, number: int) -> bytes:
        """A chunk with a call of its own; the number is in its arguments, for calls have no ids."""
        return self._chunk({"functionCall": {"name": "look_up", "args": {"number": number}}})

    def broken(self) -> bytes:
        """An event whose data is half a JSON document."""
        return b"data: " + _BROKEN + b"\r\n\r\n"

    def nested(self, depth: int) -> bytes:
        """An event whose candidates are a list in a list in a list."""
        return b'data: {"candidates":' + _nested(depth) + b"}\r\n\r\n"

    def error(self, kind: ErrorKind) -> bytes:
        """An event with an error object, or with what blocked the prompt."""
        return (
            b"data: " + _error(kind, model=self._model, asked=self._question_tokens) + b"\r\n\r\n"
        )

    def _chunk(self, part: Json, *, fields: Json | None = None, said: int = 0) -> bytes:
        candidate = {"content": {"parts": [part], "role": "model"}, **(fields or {}), "index": 0}
        usage = _usage(asked=self._question_tokens, said=said)
        chunk = {"candidates": [candidate], "usageMetadata": usage, **self._after}
        return b"data: " + orjson.dumps(chunk) + b"\r\n\r\n"


class DocumentEncoder:
    """A unary answer: one reply."""

    content_type = "application/json; charset=UTF-8"
    streams = False

    def __init__(self, *, identifier: str, model: str, question_tokens: int) -> None:
        """Prepare the document's end."""
        self._question_tokens = question_tokens
        self._model = model
        self._identifier = identifier

    def opening(self) -> bytes:
        """Everything up to the text."""
        return b'{"candidates":[{"content":{"parts":[{"text":"'

    def content(self, text: str) -> bytes:
        """Text as it stands inside a JSON string."""
        return orjson.dumps(text)[1:-1]

    def finish(self, reason: FinishReason, *, tokens: int) -> bytes:
        """Everything after the text."""
        rest = {
            "usageMetadata": _usage(asked=self._question_tokens, said=tokens),
            "modelVersion": self._model,
            "responseId": self._identifier,
        }
        word = _WORDS[reason].encode()
        return (
            b'"}],"role":"model"},"finishReason":"'
            + word
            + b'","index":0}],'
            + orjson.dumps(rest)[1:]
        )

    def end(self) -> bytes:
        """A document needs no mark."""
        return b""

    def keep_alive(self) -> bytes:
        """Blank space, which JSON readers skip."""
        return b"\n"

    def blank(self) -> bytes:
        """There is no empty piece of a document."""
        return b""

    def tool_call(self, number: int) -> bytes:
        """A document is not made of pieces of calls."""
        return b"\n"

    def broken(self) -> bytes:
        """The beginning of another document, quotes and all, in the midst of a string."""
        return _BROKEN

    def nested(self, depth: int) -> bytes:
        """The end of the text, a list in a list in a list, and the beginning of another text."""
        return b'","nested":' + _nested(depth) + b',"more":"'

    def error(self, kind: ErrorKind) -> bytes:
        """An error object, or what blocked the prompt, which is the whole document."""
        return _error(kind, model=self._model, asked=self._question_tokens)
