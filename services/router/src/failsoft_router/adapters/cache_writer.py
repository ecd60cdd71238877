"""Sends answers to the cache in the background, those of one moment together.

Nothing that happens here is a caller's business: an answer that cannot be written or sent
is given up, and the next one is tried.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import grpc
import structlog
from structlog.typing import FilteringBoundLogger

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.cache.v1 import cache_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import outgoing_metadata
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.rpc.crash import describe
from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_router import span_names
from failsoft_router.adapters.pending import PendingAnswer, PendingAnswers
from failsoft_router.adapters.store_spans import StoreSpans
from failsoft_router.ports import Keeping, StoredAnswer
from failsoft_router.wire.stored import encode_entry

STORE_SECONDS = 2.0
ROUND_SECONDS = 0.05
"""From one sending to the next: the answers of that time go together, because a call of
its own for each costs router and cache more than the answer itself. The first one after a
pause goes at once."""
FLUSH_SECONDS = 2.0
"""How long a stopping router goes on sending what is left."""
MAX_REQUEST_BYTES = 2 * 1024 * 1024
"""What one request holds, unless one answer is longer."""

_MAX_ENTRIES = 64

_log: FilteringBoundLogger = structlog.get_logger()


class CacheWriter:
    """Takes answers without waiting; `run` sends them."""

    def __init__(self, channel: grpc.aio.Channel, tracer: Tracer, calls: ClientCalls) -> None:
        self._stub = pb_grpc.CacheServiceStub(channel)
        self._tracer = tracer
        self._calls = calls
        self._pending = PendingAnswers()
        self._wake = asyncio.Event()
        self._failing = False

    def store(
        self,
        key: bytes,
        answer: StoredAnswer,
        keeping: Keeping,
        *,
        tenant: str,
        walk: SpanContext,
    ) -> None:
        """Send the answer soon."""
        self._pending.put(tenant, key, answer, keeping, walk)
        self._wake.set()

    def on_its_way(self, tenant: str, key: bytes) -> PendingAnswer | None:
        """The answer that was not sent yet, if there is one."""
        return self._pending.get(tenant, key)

    async def run(self) -> None:
        """Send answers until cancelled, and then for a moment what is left."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_pending()
                await asyncio.sleep(ROUND_SECONDS)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._send_pending()

    async def _send_pending(self) -> None:
        """Send as many as wait now; those that come meanwhile are for the next time."""
        left = len(self._pending)
        while left > 0 and self._pending:
            batch = self._pending.batch(_MAX_ENTRIES)
            left -= len(batch)
            for request, answers in _requests(batch):
                await self._send(request, answers)
            self._pending.forget(batch)

    async def _send(self, request: pb.StoreRequest, answers: Sequence[PendingAnswer]) -> None:
        spans = StoreSpans(self._tracer, (answer.walk for answer in answers))
        metadata = outgoing_metadata(tenant=answers[0].tenant, span=spans.context)
        try:
            with spans, self._calls.measured(span_names.STORE_METHOD, spans.context):
                await self._stub.Store(request, timeout=STORE_SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            self._say(error.code().name)
        except Exception as error:  # whatever it is, the next answers can be sent
            self._say(describe(error))
        else:
            self._say(None)

    def _say(self, problem: str | None) -> None:
        """One line when storing begins to fail and one when it goes on, not one a batch."""
        failing = problem is not None
        if failing and not self._failing:
            _log.warning("cache.store_failed", problem=problem)
        elif self._failing and not failing:
            _log.info("cache.store_resumed")
        self._failing = failing


def _requests(
    batch: Sequence[PendingAnswer],
) -> Iterator[tuple[pb.StoreRequest, Sequence[PendingAnswer]]]:
    """The batch of one tenant in requests that are not too big, each with its answers."""
    request, answers, size = pb.StoreRequest(), list[PendingAnswer](), 0
    for pending in batch:
        entry = _entry(pending)
        if entry is None:
            continue
        if request.entries and size + entry.ByteSize() > MAX_REQUEST_BYTES:
            yield request, answers
            request, answers, size = pb.StoreRequest(), [], 0
        request.entries.append(entry)
        answers.append(pending)
        size += entry.ByteSize()
    if request.entries:
        yield request, answers


def _entry(pending: PendingAnswer) -> pb.StoreEntry | None:
    """The answer in the contract's words; None, and logged: it has none for it."""
    try:
        return encode_entry(pending.key, pending.answer, pending.keeping)
    except Exception as error:  # a text with half a surrogate pair, a number without bounds
        _log.warning("cache.answer_unwritable", problem=describe(error))
        return None
