"""What an engine is asked for, and by whom."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from failsoft_local_llm.core.decoding import Decoding
from failsoft_model.chat import Criticality, Tool, ToolChoice

_ANY_TOOL = ToolChoice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose request it is, and where its traces go."""

    tenant: str
    id: str
    """Names the request in the engine's own records; need not be unique."""
    trace_id: str = ""
    """32 hex digits; empty: nobody keeps records of the trace."""
    traceparent: str = ""
    """W3C's header of the span that the engine's work belongs to; empty: nobody records it."""
    deadline_at: float = math.inf
    """When the answer is of no use any more, in seconds on the clock's `now`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One request, as far as an engine has to know it."""

    prompt: Sequence[int]
    """At least one token, and shorter than the context."""
    decoding: Decoding
    """Its `max_tokens` fit into the context behind the prompt."""
    caller: Caller
    criticality: Criticality = Criticality.CRITICAL
    adapter: str = ""
    """Name of the LoRA adapter that changes the model; empty: the model as it is."""
    tools: tuple[Tool, ...] = ()
    """Functions that the answer may call; empty unless the engine calls tools."""
    tool_choice: ToolChoice = _ANY_TOOL
    """Never NONE where there are tools."""
