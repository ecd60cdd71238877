"""What a walk along a route leaves behind: hops, attempts, usage, and why."""

import enum
from dataclasses import dataclass


class HopOutcome(enum.Enum):
    """How a hop ended, or that it has begun."""

    TRYING = "trying"
    SERVED = "served"
    FAILED = "failed"
    SKIPPED = "skipped"
    PROBING = "probing"


class PlaceReason(enum.Enum):
    """Why a hop has its place in the order of the walk."""

    ROUTE_ORDER = "route_order"
    ASKED_MODEL = "asked_model"
    TENANT_PREFERS = "tenant_prefers"


class SkipReason(enum.Enum):
    """Why a hop was not tried."""

    NO_CREDENTIAL = "no_credential"
    CIRCUIT_OPEN = "circuit_open"
    QUOTA = "quota"
    CREDENTIAL_QUARANTINE = "credential_quarantine"
    ISOLATED = "isolated"
    CAPABILITY = "capability"
    CONTEXT_LENGTH = "context_length"
    TENANT_POLICY = "tenant_policy"
    REFUSED_BY_CALLER = "refused_by_caller"
    DEADLINE = "deadline"
    BUDGET = "budget"
    BULKHEAD = "bulkhead"
    NO_READY_ENDPOINT = "no_ready_endpoint"
    NO_STORED_ANSWER = "no_stored_answer"
    CACHE_UNAVAILABLE = "cache_unavailable"
    SAME_FATE = "same_fate"
    TARGET_GONE = "target_gone"


class ErrorClass(enum.Enum):
    """What was wrong with an attempt; the class decides what happens next."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    CREDENTIAL = "credential"
    MODEL_GONE = "model_gone"
    REGION = "region"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    CALLER_FAULT = "caller_fault"
    CANCELLED = "cancelled"
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_FIRST_CONTENT = "timeout_first_content"
    STALL = "stall"
    TIMEOUT_TOTAL = "timeout_total"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    SCHEMA_INVALID = "schema_invalid"
    UNKNOWN = "unknown"
    UNSUPPORTED = "unsupported"
    ROUTER_LOOP = "router_loop"
    TENANT_LIMITED = "tenant_limited"


class FinishReason(enum.Enum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


class CacheStatus(enum.Enum):
    """What the cache said."""

    HIT_FRESH = "hit_fresh"
    HIT_SWR = "hit_swr"
    HIT_STALE = "hit_stale"
    MISS = "miss"
    BYPASS = "bypass"


class Capability(enum.Enum):
    """What a target can do beyond text in and text out."""

    TOOLS = "tools"
    JSON_SCHEMA = "json_schema"
    VISION = "vision"
    CONTINUE = "continue"
    LOGPROBS = "logprobs"
    TOP_LOGPROBS = "top_logprobs"
    LOGIT_BIAS = "logit_bias"
    REGEX = "regex"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the one who answered counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy the one who answers is; a capacity of 0 is not limited.

    Tokens are those of prompts and of the longest answers that the requests allow; 0 where
    nobody counts them.
    """

    running: int = 0
    waiting: int = 0
    capacity: int = 0
    running_tokens: int = 0
    waiting_tokens: int = 0
    capacity_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to a target within a hop.

    Attributes:
        id: walk_id/hop/attempt.
        error_class: None for an attempt that answered.
        http_status: 0 where there was no reply or it was not HTTP.
        time_to_first_content: Seconds; None when none came.
        latency: Seconds from the call to its end.
        usage: None when the target did not say.
        started: Seconds from the start of the walk to the call.
        detail: What was wrong, in one sentence for people: no prompt, no answer, no secret.
            Empty for an attempt that answered.
    """

    id: str
    model: str
    error_class: ErrorClass | None
    http_status: int
    time_to_first_content: float | None
    latency: float
    usage: Usage | None
    started: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One place on the walk.

    Attributes:
        position: Place in the plan, from 1.
        target: The target's name, "cache" or "mock".
        skip_reason: Set when skipped.
        error_class: Set when failed.
        detail: One sentence for people; no prompt, no answer, no secret.
        started: Seconds from the start of the walk.
        latency: Seconds from the hop's start to its end.
        place: Why it stands where it stands; None: a peer of an earlier contract.
    """

    position: int
    target: str
    outcome: HopOutcome
    skip_reason: SkipReason | None = None
    error_class: ErrorClass | None = None
    detail: str = ""
    started: float = 0.0
    latency: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    place: PlaceReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkFailure:
    """Why a walk ended with nothing.

    Attributes:
        trace_id: 32 hex digits; empty when the request was not traced.
        cause: Class of the first telling failure; None when no hop was tried.
        hops: Every hop of the plan.
    """

    walk_id: str
    route: str
    trace_id: str = ""
    cause: ErrorClass | None = None
    hops: tuple[Hop, ...] = ()
