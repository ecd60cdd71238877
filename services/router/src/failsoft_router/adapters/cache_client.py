"""The cache service as the walk sees it: bounded, never in the way, written to in batches.

A look-up has 50 ms; when several fail in a row the cache is left alone for a moment,
and every look-up is a miss at once. Answers are sent in the background, those of one
moment together; one that is still on its way is found by this replica's look-ups.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

import grpc
import structlog
from structlog.typing import FilteringBoundLogger

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.cache.v1 import cache_service_pb2_grpc as pb_grpc
from failsoft_kit.clock import Clock
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.telemetry.context import SpanContext
from failsoft_model.walk import CacheStatus
from failsoft_router.core.breaker import Breaker, Result, State
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import Found, Keeping, StoredAnswer
from failsoft_router.wire.stored import decode_found, encode_entry

LOOKUP_SECONDS = 0.05
STORE_SECONDS = 2.0
MAX_PENDING = 1024
"""Answers on their way; when there are more the oldest is dropped."""

_BATCH = 64
_BREAKER = BreakerPolicy(consecutive_failures=3, open_for=1.0, open_cap=5.0, good_probes=1)
_AWAY = Found(key=b"", status=CacheStatus.BYPASS, away=True)

_log: FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Pending:
    answer: StoredAnswer
    keeping: Keeping


class CacheClient:
    """Looks answers up and stores them; `run` is its background work."""

    def __init__(
        self,
        address: str,
        *,
        token: ServiceToken | None,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        self._channel = open_channel(address, token=token)
        self._stub = pb_grpc.CacheServiceStub(self._channel)
        self._clock = clock
        self._draw = draw
        self._breaker = Breaker(_BREAKER, now=clock.now())
        self._pending: OrderedDict[tuple[str, bytes], _Pending] = OrderedDict()
        self._wake = asyncio.Event()

    async def find(
        self,
        canonical: bytes,
        *,
        tenant: str,
        fresh: bool,
        max_age: float | None,
        span: SpanContext,
    ) -> Found:
        """See `ports.AnswerCache`."""
        request = pb.LookupRequest(
            canonical_request=canonical,
            accept=pb.ACCEPT_FRESH if fresh else pb.ACCEPT_KEY_ONLY,
        )
        if max_age is not None:
            request.max_age.FromMilliseconds(round(max_age * 1000))
        found = await self._look_up(request, tenant=tenant, span=span)
        if fresh and found.answer is None:
            return self._on_its_way(found, tenant, max_age=max_age, stale=False)
        return found

    async def find_stale(self, key: bytes, *, tenant: str, span: SpanContext) -> Found:
        """See `ports.AnswerCache`."""
        request = pb.LookupRequest(key=key, accept=pb.ACCEPT_STALE)
        found = await self._look_up(request, tenant=tenant, span=span)
        if found.answer is None:
            here = Found(key=key, status=found.status, away=found.away)
            return self._on_its_way(here, tenant, max_age=None, stale=True)
        return found

    def store(self, key: bytes, answer: StoredAnswer, keeping: Keeping, *, tenant: str) -> None:
        """See `ports.AnswerCache`."""
        self._pending[tenant, key] = _Pending(answer, keeping)
        self._pending.move_to_end((tenant, key))
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        self._wake.set()

    async def run(self) -> None:
        """Connect, so that no look-up has to; send answers until cancelled, then what is left."""
        self._channel.get_state(try_to_connect=True)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_pending()
        finally:
            await self._send_pending()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()

    async def _look_up(self, request: pb.LookupRequest, *, tenant: str, span: SpanContext) -> Found:
        permit = self._breaker.ask(self._clock.now())
        if permit is None:
            return _AWAY
        result = Result.NO_EVIDENCE
        try:
            reply = await self._stub.Lookup(
                request,
                timeout=LOOKUP_SECONDS,
                metadata=outgoing_metadata(tenant=tenant, span=span),
            )
            result = Result.OK
            return decode_found(reply)
        except grpc.aio.AioRpcError as error:
            result = Result.FAILED
            self._say_if_away(error.code())
            return _AWAY
        finally:
            self._breaker.record(permit, result, now=self._clock.now(), draw=self._draw())

    def _say_if_away(self, code: grpc.StatusCode) -> None:
        """One line when the cache goes away, not one for each look-up."""
        last_straw = _BREAKER.consecutive_failures - 1
        closed = self._breaker.state is State.CLOSED
        if closed and self._breaker.consecutive_failures == last_straw:
            _log.warning("cache.away", code=code.name)

    def _on_its_way(
        self, found: Found, tenant: str, *, max_age: float | None, stale: bool
    ) -> Found:
        """The answer that is still to be sent, if it may be used, else what was found."""
        pending = self._pending.get((tenant, found.key))
        if pending is None:
            return found
        age = max(0.0, self._clock.unix() - pending.answer.created)
        fresh = age < pending.keeping.fresh_for and (max_age is None or age <= max_age)
        if not fresh and not stale:
            return found
        status = CacheStatus.HIT_FRESH if fresh else CacheStatus.HIT_STALE
        return Found(key=found.key, status=status, age=age, answer=pending.answer)

    async def _send_pending(self) -> None:
        while self._pending:
            batch = list(islice(self._pending.items(), _BATCH))
            for tenant, request in _requests(batch):
                await self._send(tenant, request)
            for place, pending in batch:
                if self._pending.get(place) is pending:
                    del self._pending[place]

    async def _send(self, tenant: str, request: pb.StoreRequest) -> None:
        """An answer that cannot be stored is given up: the next one will be."""
        try:
            await self._stub.Store(
                request, timeout=STORE_SECONDS, metadata=outgoing_metadata(tenant=tenant)
            )
        except grpc.aio.AioRpcError as error:
            _log.warning("cache.store_failed", code=error.code().name, answers=len(request.entries))


def _requests(
    batch: list[tuple[tuple[str, bytes], _Pending]],
) -> Iterator[tuple[str, pb.StoreRequest]]:
    """One request a tenant."""
    by_tenant = sorted(((tenant, key, each) for (tenant, key), each in batch), key=itemgetter(0))
    for tenant, group in groupby(by_tenant, key=itemgetter(0)):
        entries = [encode_entry(key, each.answer, each.keeping) for _, key, each in group]
        yield tenant, pb.StoreRequest(entries=entries)
