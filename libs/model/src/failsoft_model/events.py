"""The events of an answer: Started first, Finished last and only of a whole answer."""

import enum
from dataclasses import dataclass

from failsoft_model.chat import Degradation, Message
from failsoft_model.walk import CacheStatus, ErrorClass, FinishReason, Hop, Load, Usage


class BlockKind(enum.Enum):
    """What a block of an answer is."""

    TEXT = "text"
    REASONING = "reasoning"
    TOOL_CALL = "tool_call"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The walk has begun."""

    walk_id: str
    route: str
    request_id: str
    load: Load | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HopUpdate:
    """A hop began or ended."""

    hop: Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The next piece of one block of one answer.

    Attributes:
        text: The piece; of a tool call, the next fragment of its arguments.
        tool_call_id: Set on the first piece of a tool call.
        tool_name: Set on the first piece of a tool call.
    """

    text: str
    kind: BlockKind = BlockKind.TEXT
    choice: int = 0
    block: int = 0
    tool_call_id: str = ""
    tool_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReset:
    """What was sent from `from_block` on is void and starts again."""

    reason: ErrorClass
    choice: int = 0
    from_block: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The facts about a whole answer.

    Attributes:
        usage: None when the one who served did not count.
        cache_status: None where no cache was asked.
        cache_age: Seconds; None for an answer that was not stored.
        dropped_parameters: Field paths that the target could not honour.
        trace_id: 32 hex digits; empty when the request was not traced.
    """

    finish_reason: FinishReason
    served_by: str
    model: str
    usage: Usage | None = None
    degradation: Degradation = Degradation.NONE
    cache_status: CacheStatus | None = None
    cache_age: float | None = None
    hops: tuple[Hop, ...] = ()
    dropped_parameters: tuple[str, ...] = ()
    load: Load | None = None
    trace_id: str = ""
    walk_id: str = ""
    route: str = ""
    request_id: str = ""


Event = Started | HopUpdate | Delta | StreamReset | Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One whole answer: the assistant's message, its reasoning, its refusal."""

    message: Message
    reasoning: str = ""
    refusal: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a unary caller gets: one answer and the facts about it."""

    choice: Choice
    finished: Finished
