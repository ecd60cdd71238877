"""Replicas of the cache that are called over real gRPC."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.cache.v1 import cache_service_pb2_grpc as pb_grpc
from failsoft.inference.v1 import walk_pb2
from failsoft_cache.settings import CacheSettings
from failsoft_cache.telemetry import NAMES
from failsoft_cache.wiring import build
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.rpc.server import running
from failsoft_kit.telemetry import Meter, NameRegistry, Telemetry, Tracer
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_kit.testing.spans import RecordedSpans

if TYPE_CHECKING:
    from valkey_process import ValkeyProcess

    from failsoft.cache.v1.cache_service_pb2_grpc import CacheServiceAsyncStub

SECONDS = 5.0
"""Longer than anything here may take."""


class Clock(SystemClock):
    """The date is what a test says; limits run in real time."""

    def __init__(self) -> None:
        self.date = 1_800_000_000.0

    def unix(self) -> float:
        return self.date


class Replica:
    """One replica of the cache, as its callers see it."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        port: int,
        clock: Clock,
        spans: RecordedSpans,
        meter: Meter,
    ) -> None:
        self.channel = channel
        self.port = port
        self.clock = clock
        self.spans = spans
        self.meter = meter
        self.stub: CacheServiceAsyncStub = pb_grpc.CacheServiceStub(channel)

    async def call(
        self, method: str, body: bytes, *, channel: grpc.aio.Channel | None = None
    ) -> bytes:
        """The reply to a request that need not be a possible one."""
        call: Any = (channel or self.channel).unary_unary(f"/{method}")
        reply: bytes = await call(body)
        return reply

    async def look_up(
        self,
        question: str | bytes,
        *,
        tenant: str = "acme",
        accept: pb.Accept.ValueType = pb.ACCEPT_FRESH,
    ) -> pb.LookupResponse:
        """Look a question up, or bytes as a key."""
        request = pb.LookupRequest(accept=accept)
        if isinstance(question, bytes):
            request.key = question
        else:
            request.canonical_request = question.encode()
        return await self.stub.Lookup(request, metadata=outgoing_metadata(tenant=tenant))

    async def key(self, question: str, *, tenant: str = "acme") -> bytes:
        reply = await self.look_up(question, tenant=tenant, accept=pb.ACCEPT_KEY_ONLY)
        return reply.key

    async def store(self, *entries: pb.StoreEntry, tenant: str = "acme") -> pb.StoreResponse:
        request = pb.StoreRequest(entries=entries)
        return await self.stub.Store(request, metadata=outgoing_metadata(tenant=tenant))

    async def keep(self, question: str, text: str, *, tenant: str = "acme") -> bytes:
        """Store an answer to a question: fresh for a minute, stale for an hour; gives its key."""
        key = await self.key(question, tenant=tenant)
        reply = await self.store(self.entry(key, text), tenant=tenant)
        assert (reply.stored, len(reply.refusals)) == (1, 0)
        return key

    def entry(self, key: bytes, text: str = "an answer") -> pb.StoreEntry:
        """An answer that may be kept."""
        entry = pb.StoreEntry(key=key)
        entry.answer.choice.message.parts.add(text=text)
        entry.answer.finish_reason = walk_pb2.FINISH_REASON_STOP
        entry.answer.served_by = "openai-mini"
        entry.answer.model = "gpt-5-mini"
        entry.answer.created.FromNanoseconds(int(self.clock.date * 1e9))
        entry.fresh_for.FromSeconds(60)
        entry.stale_if_error.FromSeconds(3600)
        return entry

    async def forget(self, what: pb.InvalidateRequest, *, tenant: str = "acme") -> int:
        reply = await self.stub.Invalidate(what, metadata=outgoing_metadata(tenant=tenant))
        return reply.removed

    async def stats(self) -> pb.GetStatsResponse:
        return await self.stub.GetStats(pb.GetStatsRequest())

    async def until(self, *, degraded: bool) -> None:
        """Ask until it says so."""
        async with asyncio.timeout(SECONDS):
            while (await self.stats()).degraded is not degraded:
                pass


StartReplica = Callable[..., AbstractAsyncContextManager[Replica]]


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    (tmp_path / "token").write_text("t" * 32)
    return ServiceToken.from_file(tmp_path / "token")


@pytest.fixture
def start_replica(tmp_path: Path, token: ServiceToken) -> StartReplica:
    """Replicas with one secret and one token: `async with start_replica(valkey_url=…) as it`."""

    @asynccontextmanager
    async def start(**settings: object) -> AsyncIterator[Replica]:
        defaults = {
            "address": "127.0.0.1:0",
            "data_dir": tmp_path,
            "service_token_file": tmp_path / "token",
            "drain": 1.0,
            "valkey_limit": SECONDS,
        }
        clock, spans = Clock(), RecordedSpans()
        names = NameRegistry(strict=True)
        names.register((*RPC_NAMES, *PROCESS_NAMES, *NAMES))
        meter = Meter(clock=clock, names=names)
        service = build(
            CacheSettings.model_validate(defaults | settings),
            clock=clock,
            telemetry=Telemetry(tracer=Tracer(clock=clock, sink=spans, names=names), meter=meter),
        )
        async with (
            running(service) as (port,),
            open_channel(f"127.0.0.1:{port}", token=token) as channel,
        ):
            replica = Replica(channel, port, clock, spans, meter)
            if "valkey_url" in settings:
                await replica.until(degraded=False)
            yield replica

    return start


@pytest.fixture
async def replica(start_replica: StartReplica, valkey: "ValkeyProcess") -> AsyncIterator[Replica]:
    """A replica on the Valkey that stays up."""
    async with start_replica(valkey_url=valkey.url) as started:
        yield started
