"""The methods of `failsoft.cache.v1`. Translates; decides nothing."""
# ruff: noqa: N802 - the methods' names are the contract's

from typing import TYPE_CHECKING

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.cache.v1 import cache_service_pb2_grpc as pb_grpc
from failsoft_cache.app.answers import Answers, Found, Kept
from failsoft_cache.app.metrics import AgeMetrics
from failsoft_cache.telemetry import (
    CACHE_AGE,
    CACHE_REFUSED,
    CACHE_REMOVED,
    CACHE_STATUS,
    CACHE_STORED,
    CACHE_TIER,
)
from failsoft_cache.wire import replies, requests
from failsoft_kit import call

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import grpc


class CacheServicer(pb_grpc.CacheServiceServicer):
    """Serves one replica's answers. The tenant is the caller's, never the request's."""

    def __init__(self, answers: Answers, ages: AgeMetrics) -> None:
        self._answers = answers
        self._ages = ages

    async def Lookup(
        self,
        request: pb.LookupRequest,
        context: "grpc.aio.ServicerContext[pb.LookupRequest, Awaitable[pb.LookupResponse]]",
    ) -> pb.LookupResponse:
        tenant = _tenant()
        found = await self._answers.look_up(
            tenant,
            requests.asked_key(
                request, key_of=lambda canonical: self._answers.key_of(tenant, canonical)
            ),
            accept=requests.accept(request),
            max_age=requests.max_age(request),
        )
        _note_found(found)
        self._ages.handed_out(found.verdict)
        return replies.looked_up(found.key, found.verdict, found.answer)

    async def Store(
        self,
        request: pb.StoreRequest,
        context: "grpc.aio.ServicerContext[pb.StoreRequest, Awaitable[pb.StoreResponse]]",
    ) -> pb.StoreResponse:
        offers = requests.offers(request)
        kept = await self._answers.store(_tenant(), offers)
        _note_kept(kept, offered=len(offers))
        return replies.stored(len(offers), kept.refusals)

    async def Invalidate(
        self,
        request: pb.InvalidateRequest,
        context: "grpc.aio.ServicerContext[pb.InvalidateRequest, Awaitable[pb.InvalidateResponse]]",
    ) -> pb.InvalidateResponse:
        if requests.forgets_all(request):
            removed = await self._answers.forget_all(_tenant())
        else:
            removed = await self._answers.forget(_tenant(), requests.checked_key(request.key))
        call.current().span.set(CACHE_REMOVED, removed)
        return pb.InvalidateResponse(removed=removed)

    async def GetStats(
        self,
        request: pb.GetStatsRequest,
        context: "grpc.aio.ServicerContext[pb.GetStatsRequest, Awaitable[pb.GetStatsResponse]]",
    ) -> pb.GetStatsResponse:
        return replies.stats(
            self._answers.counts,
            local_entries=self._answers.local_entries,
            local_bytes=self._answers.local_bytes,
            degraded=self._answers.trouble is not None,
        )


def _tenant() -> str:
    return call.current().principal.tenant


def _note_found(found: Found) -> None:
    """What the look-up gave, on its span."""
    span, verdict = call.current().span, found.verdict
    span.set(CACHE_STATUS, verdict.status.value)
    if verdict.age is not None:
        span.set(CACHE_AGE, verdict.age)
    if found.tier is not None:
        span.set(CACHE_TIER, found.tier.value)


def _note_kept(kept: Kept, *, offered: int) -> None:
    """What became of the answers that were offered, on the call's span."""
    span = call.current().span
    span.set(CACHE_STORED, offered - len(kept.refusals))
    span.set(CACHE_REFUSED, len(kept.refusals))
    if kept.tier is not None:
        span.set(CACHE_TIER, kept.tier.value)
