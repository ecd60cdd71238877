"""OpenAI's dialect as one codec."""

from collections.abc import Mapping

from failsoft_model.chat import ChatRequest
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.codec import Post
from failsoft_router.wire.openai.errors import from_response
from failsoft_router.wire.openai.request import dropped, encode
from failsoft_router.wire.openai.sampling import words
from failsoft_router.wire.openai.stream import ChunkReader
from failsoft_router.wire.size import may_be_empty

PATH = "/chat/completions"


class OpenAiCodec:
    """See `wire.codec.Codec`."""

    api = "an OpenAI-compatible API"

    def __init__(self, *, model: str, endpoint: str) -> None:
        """
        Args:
            model: The target's own model id.
            endpoint: The target's base URL.
        """
        self._model = model
        self._words = words(endpoint, model)

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key as a bearer token."""
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def encode(self, request: ChatRequest) -> Post:
        """See `Codec`."""
        return Post(path=PATH, body=encode(request, model=self._model, said_in=self._words))

    def dropped(self, request: ChatRequest) -> tuple[str, ...]:
        """See `Codec`."""
        return dropped(request, said_in=self._words)

    def reader(self, request: ChatRequest) -> ChunkReader:
        """See `Codec`."""
        return ChunkReader(
            model=self._model,
            logprobs=request.sampling.logprobs,
            may_say_nothing=may_be_empty(request),
        )

    def refusal(
        self, status: int, headers: Mapping[str, str], body: bytes, *, unix: float
    ) -> AttemptFailed:
        """See `Codec`."""
        return from_response(status, headers, body, unix=unix)
