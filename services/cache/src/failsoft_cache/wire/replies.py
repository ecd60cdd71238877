"""What callers are told, as protos."""

from collections.abc import Mapping

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_cache.core.counts import Counts
from failsoft_cache.core.freshness import Verdict
from failsoft_kit.wire.durations import fill_duration
from failsoft_kit.wire.enums import CACHE_STATUS


def looked_up(key: bytes, verdict: Verdict, answer: bytes | None) -> pb.LookupResponse:
    """The reply to a look-up.

    Args:
        answer: A serialised StoredAnswer, which is parsed straight into its place;
            None: nothing may be handed out.
    """
    response = pb.LookupResponse(key=key, status=CACHE_STATUS.number[verdict.status])
    if verdict.age is not None:
        fill_duration(response.age, verdict.age)
    if answer is not None:
        response.answer.MergeFromString(answer)
    return response


def stored(offered: int, refusals: Mapping[int, str]) -> pb.StoreResponse:
    """The reply to a store.

    Args:
        offered: How many answers there were.
        refusals: Why some were not kept, by their index.
    """
    return pb.StoreResponse(
        stored=offered - len(refusals),
        refusals=[pb.Refusal(index=index, detail=why) for index, why in refusals.items()],
    )


def stats(
    counts: Counts, *, local_entries: int, local_bytes: int, degraded: bool
) -> pb.GetStatsResponse:
    """The reply to an operator."""
    return pb.GetStatsResponse(
        hits_fresh=counts.hits_fresh,
        hits_stale=counts.hits_stale,
        misses=counts.misses,
        stored=counts.stored,
        refused=counts.refused,
        damaged=counts.damaged,
        local_entries=local_entries,
        local_bytes=local_bytes,
        degraded=degraded,
    )
