"""Gemini's dialect as one codec."""

from collections.abc import Mapping

from failsoft_model.chat import ChatRequest
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.codec import Post
from failsoft_router.wire.gemini.errors import from_response
from failsoft_router.wire.gemini.request import dropped, encode, path
from failsoft_router.wire.gemini.stream import ChunkReader
from failsoft_router.wire.size import may_be_empty


class GeminiCodec:
    """See `wire.codec.Codec`."""

    api = "Gemini's API"

    def __init__(self, *, model: str) -> None:
        """
        Args:
            model: The target's own model id.
        """
        self._model = model

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key in a header of Google's: in the query it would end up in logs."""
        return {} if key is None else {"x-goog-api-key": key}

    def encode(self, request: ChatRequest) -> Post:
        """See `Codec`.

        Raises:
            AttemptFailed: `UNSUPPORTED`: models of this generation refuse it.
        """
        return Post(path=path(self._model), body=encode(request, model=self._model))

    def dropped(self, request: ChatRequest) -> tuple[str, ...]:
        """See `Codec`."""
        return dropped(request)

    def reader(self, request: ChatRequest) -> ChunkReader:
        """See `Codec`."""
        return ChunkReader(
            model=self._model,
            request_id=request.request_id,
            logprobs=request.sampling.logprobs,
            may_say_nothing=may_be_empty(request),
        )

    def refusal(
        self, status: int, headers: Mapping[str, str], body: bytes, *, unix: float
    ) -> AttemptFailed:
        """See `Codec`."""
        return from_response(status, headers, body, unix=unix)
