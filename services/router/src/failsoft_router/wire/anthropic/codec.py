"""Anthropic's dialect as one codec."""

from collections.abc import Mapping

from failsoft_model.chat import ChatRequest
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.anthropic.errors import from_response
from failsoft_router.wire.anthropic.request import dropped, encode
from failsoft_router.wire.anthropic.stream import EventReader
from failsoft_router.wire.codec import Post
from failsoft_router.wire.size import may_be_empty

PATH = "/messages"
VERSION = "2023-06-01"
"""Of the wire format; the API refuses calls without one."""


class AnthropicCodec:
    """See `wire.codec.Codec`."""

    api = "Anthropic's Messages API"

    def __init__(self, *, model: str, context_tokens: int) -> None:
        """
        Args:
            model: The target's own model id.
            context_tokens: Request and answer together; 0: not known.
        """
        self._model = model
        self._context_tokens = context_tokens

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The version, and the key under its own name."""
        version = {"anthropic-version": VERSION}
        return version if key is None else {**version, "x-api-key": key}

    def encode(self, request: ChatRequest) -> Post:
        """See `Codec`.

        Raises:
            AttemptFailed: `UNSUPPORTED`: what is asked for has no words here.
        """
        body = encode(request, model=self._model, context_tokens=self._context_tokens)
        return Post(path=PATH, body=body)

    def dropped(self, request: ChatRequest) -> tuple[str, ...]:
        """See `Codec`."""
        return dropped(request, model=self._model, context_tokens=self._context_tokens)

    def reader(self, request: ChatRequest) -> EventReader:
        """See `Codec`."""
        return EventReader(model=self._model, may_say_nothing=may_be_empty(request))

    def refusal(
        self, status: int, headers: Mapping[str, str], body: bytes, *, unix: float
    ) -> AttemptFailed:
        """See `Codec`."""
        return from_response(status, headers, body, unix=unix)
