"""What an OpenAI-compatible server's error body says, in whatever shape.

    who                           shape
    OpenAI, OpenRouter, Azure     {"error": {message, type, code, param, metadata}}
    vLLM, Mistral                 {"object": "error", message, type, code, param}
    FastAPI, and who uses it      {"detail": [{type, loc, msg}, ...]}, also as a message
    Ollama, LM Studio             {"error": "words"}

Nothing of it is passed on to anybody: it may quote the prompt, or the key.
"""

import re
from collections.abc import Sequence

import msgspec

_CALLERS = frozenset(
    {
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "structured_outputs",
    }
)
_OURS = frozenset({"model", "stream", "stream_options"})
"""Fields that a caller did not write: the policy did, and the adapter."""

_FIRST = re.compile(r"\w+")
_QUOTE = re.compile(r"""['"`]|https?://""")
"""Where somebody else's words may begin."""


class _Violation(msgspec.Struct):
    """One entry of FastAPI's list; `loc` begins with `body`."""

    type: str = ""
    loc: list[object] = msgspec.field(default_factory=list)
    msg: str = ""

    @property
    def field(self) -> str:
        """The field of the request; empty where it names none."""
        name = self.loc[1] if len(self.loc) > 1 else ""
        return name if isinstance(name, str) else ""


class ErrorBody(msgspec.Struct):
    """The error; every field may be missing or of another type."""

    message: object = None
    type: object = None
    code: object = None
    param: object = None
    metadata: object = None
    detail: object = None

    @property
    def words(self) -> Sequence[str]:
        """Its code and its type, the more telling one first."""
        return [word for word in (self.code, self.type) if isinstance(word, str)]

    @property
    def text(self) -> str:
        """What it says to people, in lower case; it may quote the prompt."""
        said = [each for each in (self.message, self.detail) if isinstance(each, str)]
        return " ".join([*said, *(each.msg for each in self._violations)]).lower()

    @property
    def is_flagged(self) -> bool:
        """A moderation in front of the model says so, as OpenRouter tells it."""
        return isinstance(self.metadata, dict) and "flagged_input" in self.metadata

    @property
    def is_about_ours(self) -> bool:
        """It names a field that the caller did not write, or says that it knows no such field."""
        unknown = any(each.type == "extra_forbidden" for each in self._violations)
        return unknown or not _OURS.isdisjoint(self._fields)

    @property
    def is_about_callers(self) -> bool:
        """It names a field that the caller wrote."""
        return not _CALLERS.isdisjoint(self._fields)

    @property
    def is_about_the_model(self) -> bool:
        """It speaks of the model before it quotes anything; a server that has no such path
        speaks of none."""
        opening = _QUOTE.split(self.text, maxsplit=1)[0]
        return "model" in self._fields or "model" in opening or "deployment" in opening

    @property
    def _fields(self) -> Sequence[str]:
        first = _FIRST.match(self.param) if isinstance(self.param, str) else None
        named = [] if first is None else [first[0]]
        return [*named, *(each.field for each in self._violations)]

    @property
    def _violations(self) -> Sequence[_Violation]:
        nested = self.message.get("detail") if isinstance(self.message, dict) else self.message
        for found in (self.detail, nested):
            if isinstance(found, list):
                try:
                    return msgspec.convert(found, list[_Violation])
                except msgspec.ValidationError:
                    continue
        return ()


class _Envelope(ErrorBody):
    error: object = None


_decode = msgspec.json.Decoder(_Envelope).decode


def read_error(body: bytes) -> ErrorBody | None:
    """The error of a reply's body; None: it is no JSON object, or holds none."""
    try:
        envelope = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    match envelope.error:
        case dict() as error:
            return msgspec.convert(error, ErrorBody)
        case str() as words:
            return ErrorBody(message=words)
    said = (envelope.message, envelope.type, envelope.code, envelope.detail)
    return envelope if any(each is not None for each in said) else None
