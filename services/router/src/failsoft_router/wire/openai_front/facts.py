"""What Failsoft tells about an answer: in headers as far as it is known, then whole in the body."""

from collections.abc import Callable, Sequence

from failsoft_model.chat import Degradation
from failsoft_model.events import Finished
from failsoft_model.walk import CacheStatus, Hop, Usage

Json = dict[str, object]
Headers = list[tuple[str, str]]
Dropped = Callable[[Sequence[str]], list[str]]
"""Says which fields of the caller's were not honoured, given what the contract says of them."""

_CACHE_STATUS = {
    CacheStatus.HIT_FRESH: "failsoft; hit",
    CacheStatus.HIT_SWR: "failsoft; hit; detail=stale-while-revalidate",
    CacheStatus.HIT_STALE: "failsoft; hit; detail=stale-if-error",
    CacheStatus.MISS: "failsoft; fwd=uri-miss",
    CacheStatus.BYPASS: "failsoft; fwd=bypass",
}
"""`Cache-Status` as RFC 9211 writes it."""


def walk_headers(*, walk_id: str, trace_id: str) -> Headers:
    """What is known of every walk; an empty `trace_id`: nobody keeps records of it."""
    headers = [("x-failsoft-walk-id", walk_id)]
    if trace_id:
        headers.append(("x-failsoft-trace-id", trace_id))
    return headers


def answer_headers(
    *,
    served_by: str,
    degradation: Degradation,
    cache_status: CacheStatus | None,
    cache_age: float | None,
) -> Headers:
    """What is known once somebody answers."""
    headers = [
        ("x-failsoft-served-by", served_by),
        ("x-failsoft-degradation", degradation.value),
    ]
    if cache_status is not None:
        headers.append(("cache-status", _CACHE_STATUS[cache_status]))
    if cache_age is not None:
        headers.append(("age", str(int(cache_age))))
    return headers


def facts(finished: Finished, *, dropped: Dropped) -> Json:
    """The object `failsoft` of a reply, which OpenAI's clients pass over."""
    return {
        "walk_id": finished.walk_id,
        "route": finished.route,
        "request_id": finished.request_id,
        "trace_id": finished.trace_id,
        "served_by": finished.served_by,
        "model": finished.model,
        "degradation": finished.degradation.value,
        "cache": None if finished.cache_status is None else _cache(finished),
        "dropped_parameters": dropped(finished.dropped_parameters),
        "hops": hops(finished.hops),
    }


def hops(told: Sequence[Hop]) -> list[Json]:
    """Every place of a walk; times in seconds."""
    return [
        {
            "position": hop.position,
            "target": hop.target,
            "outcome": hop.outcome.value,
            "skip_reason": None if hop.skip_reason is None else hop.skip_reason.value,
            "error_class": None if hop.error_class is None else hop.error_class.value,
            "detail": hop.detail,
            "started": round(hop.started, 4),
            "latency": round(hop.latency, 4),
            "attempts": len(hop.attempts),
        }
        for hop in told
    ]


def usage(told: Usage) -> Json:
    """Tokens, in OpenAI's words."""
    return {
        "prompt_tokens": told.input_tokens,
        "completion_tokens": told.output_tokens,
        "total_tokens": told.input_tokens + told.output_tokens,
        "prompt_tokens_details": {"cached_tokens": told.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": told.reasoning_tokens},
    }


def _cache(finished: Finished) -> Json:
    status = finished.cache_status
    return {"status": None if status is None else status.value, "age": finished.cache_age}
