"""The cache service as the walk sees it: bounded, never in the way, written to in batches.

A look-up has 50 ms; when several fail in a row the cache is left alone for a moment,
and every look-up is a miss at once. A request that the cache will not take is nobody's
failure, or one caller could switch the cache off for all.
Answers are sent in the background (`cache_writer`); one that is still on its way is found
by this replica's look-ups.
"""

from collections.abc import Callable

import grpc
import structlog
from structlog.typing import FilteringBoundLogger

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.cache.v1 import cache_service_pb2_grpc as pb_grpc
from failsoft_kit.clock import Clock
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_kit.tls.client import ClientTls
from failsoft_model.walk import CacheStatus
from failsoft_router import span_names
from failsoft_router.adapters.cache_writer import CacheWriter
from failsoft_router.adapters.sights import cache_sight
from failsoft_router.core.breaker import Breaker, Result, State
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.core.sight import Sight
from failsoft_router.ports import Found, Keeping, StoredAnswer
from failsoft_router.wire.stored import decode_found

LOOKUP_SECONDS = 0.05
MAX_FORM_BYTES = 1024 * 1024
"""The longest canonical form that is looked up; a longer one would hardly arrive in time."""

_BREAKER = BreakerPolicy(consecutive_failures=3, open_for=1.0, open_cap=5.0, good_probes=1)
_AWAY = Found(key=b"", status=CacheStatus.BYPASS, away=True)
_NOT_TAKEN = Found(key=b"", status=CacheStatus.BYPASS)
_CALLERS_OWN = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
"""What the cache says to a request that it will not take, or not now."""

_log: FilteringBoundLogger = structlog.get_logger()


class CacheClient:
    """Looks answers up and stores them; `run` is its background work."""

    def __init__(
        self,
        address: str,
        *,
        token: ServiceToken | None,
        tracer: Tracer,
        calls: ClientCalls,
        clock: Clock,
        draw: Callable[[], float],
        tls: ClientTls | None = None,
    ) -> None:
        """
        Args:
            tls: None: it is called in the clear.
        """
        open_ = open_channel if tls is None else tls.open_channel
        self._channel = open_(address, token=token)
        self._stub = pb_grpc.CacheServiceStub(self._channel)
        self._calls = calls
        self._clock = clock
        self._draw = draw
        self._breaker = Breaker(_BREAKER, now=clock.now())
        self._writer = CacheWriter(self._channel, tracer, calls)

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
        if len(canonical) > MAX_FORM_BYTES:
            return _NOT_TAKEN
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

    def store(
        self,
        key: bytes,
        answer: StoredAnswer,
        keeping: Keeping,
        *,
        tenant: str,
        walk: SpanContext,
    ) -> None:
        """See `ports.AnswerCache`."""
        self._writer.store(key, answer, keeping, tenant=tenant, walk=walk)

    async def run(self) -> None:
        """Connect, so that no look-up has to; send answers until cancelled, then what is left."""
        self._channel.get_state(try_to_connect=True)
        await self._writer.run()

    async def look(self, *, within: float) -> Sight:
        """See `ports.Neighbour`."""
        return await cache_sight(self._channel, within=within)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()

    async def _look_up(self, request: pb.LookupRequest, *, tenant: str, span: SpanContext) -> Found:
        permit = self._breaker.ask(self._clock.now())
        if permit is None:
            return _AWAY
        result = Result.NO_EVIDENCE
        try:
            with self._calls.measured(span_names.LOOK_UP_METHOD, span):
                reply = await self._stub.Lookup(
                    request,
                    timeout=LOOKUP_SECONDS,
                    metadata=outgoing_metadata(tenant=tenant, span=span),
                )
            result = Result.OK
            return decode_found(reply)
        except grpc.aio.AioRpcError as error:
            if error.code() in _CALLERS_OWN:
                return _NOT_TAKEN
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
        pending = self._writer.on_its_way(tenant, found.key)
        if pending is None:
            return found
        age = max(0.0, self._clock.unix() - pending.answer.created)
        fresh = age < pending.keeping.fresh_for and (max_age is None or age <= max_age)
        if not fresh and not stale:
            return found
        status = CacheStatus.HIT_FRESH if fresh else CacheStatus.HIT_STALE
        return Found(key=found.key, status=status, age=age, answer=pending.answer)
