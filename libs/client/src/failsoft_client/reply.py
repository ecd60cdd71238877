"""A whole answer, with the facts that one usually asks for at hand."""

from dataclasses import dataclass

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_client.words import word


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; `raw` is the message as it came and has everything."""

    raw: pb.GenerateResponse

    @property
    def text(self) -> str:
        """The text of the first answer; empty when it is a tool call or a refusal."""
        return "".join([part.text for part in self._parts])

    @property
    def tool_calls(self) -> tuple[chat_pb2.ToolCall, ...]:
        """The calls that the model made."""
        return tuple([part.tool_call for part in self._parts if part.HasField("tool_call")])

    @property
    def served_by(self) -> str:
        """A target's name, "cache" or "mock"; the model's name from local-llm."""
        return self.raw.finished.served_by

    @property
    def model(self) -> str:
        """The model that answered, as its provider names it."""
        return self.raw.finished.model

    @property
    def degradation(self) -> str:
        """What this is instead of the best answer: "NONE", "FALLBACK_TARGET", "MOCK"…"""
        return word(chat_pb2.Degradation.DESCRIPTOR, self.raw.finished.degradation)

    @property
    def finish_reason(self) -> str:
        """Why the answer ended: "STOP", "LENGTH", "TOOL_CALLS", "CONTENT_FILTER"."""
        return word(walk_pb2.FinishReason.DESCRIPTOR, self.raw.finished.finish_reason)

    @property
    def cache_status(self) -> str:
        """What the cache said: "HIT_FRESH", "HIT_STALE", "MISS"…; "UNSPECIFIED": not asked."""
        return word(walk_pb2.CacheStatus.DESCRIPTOR, self.raw.finished.cache_status)

    @property
    def cache_age(self) -> float | None:
        """Age of a stored answer in seconds; None for one that was made for this request."""
        finished = self.raw.finished
        if not finished.HasField("cache_age"):
            return None
        return finished.cache_age.ToNanoseconds() / 1e9

    @property
    def usage(self) -> walk_pb2.Usage:
        """Tokens, as the one who answered counted them."""
        return self.raw.finished.usage

    @property
    def hops(self) -> tuple[walk_pb2.Hop, ...]:
        """Who was tried, skipped and served, in the order of the walk."""
        return tuple(self.raw.finished.hops)

    @property
    def _parts(self) -> tuple[chat_pb2.Part, ...]:
        return tuple(self.raw.choices[0].message.parts) if self.raw.choices else ()
