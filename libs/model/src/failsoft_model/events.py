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


LEAST_LOGPROB = -9999.0
"""As good as impossible: JSON has no infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopLogprob:
    """A token that might have been taken; the attributes are those of `TokenLogprob`."""

    token: str
    logprob: float
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """One token of an answer, and how likely it was.

    Attributes:
        token: Its text; what is no whole character is shown as U+FFFD.
        logprob: Natural logarithm of its probability, `LEAST_LOGPROB` to 0.
        data: Its bytes, which may begin or end inside a character; empty: not told.
        top: The likeliest tokens at its place, likeliest first.
    """

    token: str
    logprob: float
    data: bytes = b""
    top: tuple[TopLogprob, ...] = ()


def bounded_logprob(told: float) -> float:
    """A log probability as the contract can carry it, also of what is none."""
    return min(told, 0.0) if told > LEAST_LOGPROB else LEAST_LOGPROB


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The next piece of one block of one answer.

    Attributes:
        text: The piece; of a tool call, the next fragment of its arguments.
        tool_call_id: Set on the first piece of a tool call.
        tool_name: Set on the first piece of a tool call.
        logprobs: The tokens of a piece of text or refusal; empty unless asked for.
    """

    text: str
    kind: BlockKind = BlockKind.TEXT
    choice: int = 0
    block: int = 0
    tool_call_id: str = ""
    tool_name: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()


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
    """One whole answer: the assistant's message, its reasoning, its refusal.

    Attributes:
        logprobs: The tokens of the refusal, then of the text; empty unless asked for.
    """

    message: Message
    reasoning: str = ""
    refusal: str = ""
    index: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a unary caller gets: one answer and the facts about it."""

    choice: Choice
    finished: Finished
