"""Walks in Valkey, where every replica finds them until their time is over.

`walk:` and a walk's id lead to the walk itself; `trace:` and `request:` and an id lead to
sets of walks, sorted by when they began. A request id leads to two of them, because callers
choose it: the walks of anybody, and those of the tenant, from which no other tenant's that use
the same id push them out. A walk that is kept anew, because a call that it left behind has
ended, takes the place of what was kept of it before.

Nothing that happens here is a caller's business: what cannot be written waits for Valkey to
come back, as far as there is room.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.rpc.crash import describe
from failsoft_kit.settings import format_duration
from failsoft_kit.valkey.errors import ValkeyAway
from failsoft_kit.valkey.pipeline import Command, Pipeline
from failsoft_router.core.walk_key import KeyKind, WalkKey
from failsoft_router.ports import FoundWalk, KeptWalk, StoreAway

FIND_SECONDS = 0.5
"""How long somebody who asks is kept waiting."""
MAX_WAITING = 1024
"""Walks on their way to Valkey; beyond it the oldest is given up."""
ROUND_SECONDS = 0.2
"""From one sending to the next; the first one after a pause goes at once."""
AWAY_SECONDS = 1.0
"""The same while Valkey is away."""
FLUSH_SECONDS = 1.0
"""How long a stopping router goes on sending what is left."""
MOST_LISTED = 16
"""Walks that one id leads to."""

_BATCH = 16
"""Walks that are written down before anybody else has a turn."""
_NAMESPACE = "failsoft:explain:"

_log: FilteringBoundLogger = structlog.get_logger()


class ValkeyWalks:
    """Takes walks without waiting; `run` sends them."""

    def __init__(self, pipeline: Pipeline, *, time_to_live: float) -> None:
        """
        Args:
            pipeline: Nobody else runs it.
            time_to_live: Seconds for which walks stay.
        """
        self._pipeline = pipeline
        self._milliseconds = max(1, int(time_to_live * 1000))
        self._reach = f"where walks stay for {format_duration(time_to_live)}"
        self._waiting: OrderedDict[str, KeptWalk] = OrderedDict()
        self._wake = asyncio.Event()

    @property
    def reach(self) -> str:
        return self._reach

    @property
    def waiting(self) -> int:
        """Walks that were not sent yet."""
        return len(self._waiting)

    def offer(self, walk: KeptWalk) -> None:
        self._waiting[walk.walk_id] = walk
        self._give_up_the_oldest()
        self._wake.set()

    async def run(self) -> None:
        """Stay connected and send walks until cancelled, and then for a moment what is left."""
        async with asyncio.TaskGroup() as tasks:
            connected = tasks.create_task(self._pipeline.run())
            try:
                await self._send()
            finally:
                connected.cancel()

    async def _send(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                sent = await self._send_waiting()
                await asyncio.sleep(ROUND_SECONDS if sent else AWAY_SECONDS)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._send_waiting()

    async def find(self, key: WalkKey) -> FoundWalk | None:
        try:
            async with asyncio.timeout(FIND_SECONDS):
                return await self._find(key)
        except TimeoutError as late:
            raise StoreAway("Valkey did not answer in time") from late
        except ValkeyAway as away:
            raise StoreAway(str(away)) from away

    async def _find(self, key: WalkKey) -> FoundWalk | None:
        if key.may_be(KeyKind.WALK):
            explanation = await self._read(key.id)
            if explanation is not None:
                return FoundWalk(explanation=explanation, others=())
        if key.may_be(KeyKind.TRACE):
            found = await self._latest(await self._listed(_trace(key.id)))
            if found is not None:
                return found
        if key.may_be(KeyKind.REQUEST):
            return await self._latest(await self._listed(_request(key.id, tenant=key.tenant)))
        return None

    async def _latest(self, walk_ids: Sequence[str]) -> FoundWalk | None:
        """The first of these that is there still, and the others that are.

        A list stays as long as its last walk; earlier ones may have gone before it.
        """
        kept = await self._pipeline.ask_all([("EXISTS", _walk(each)) for each in walk_ids])
        there = [walk_id for walk_id, exists in zip(walk_ids, kept, strict=True) if exists]
        explanation = await self._read(there[0]) if there else None
        if explanation is None:
            return None
        return FoundWalk(explanation=explanation, others=tuple(there[1:]))

    async def _read(self, walk_id: str) -> bytes | None:
        explanation: bytes | None = await self._pipeline.ask("GET", _walk(walk_id))
        return explanation

    async def _listed(self, name: str) -> Sequence[str]:
        """The walks of an id, newest first."""
        walk_ids: list[bytes] = await self._pipeline.ask("ZREVRANGE", name, 0, MOST_LISTED - 1)
        return [walk_id.decode() for walk_id in walk_ids]

    async def _send_waiting(self) -> bool:
        """Send as many as wait now; those that come meanwhile are for the next time.

        Returns:
            False: Valkey is away, and what it did not take waits on.
        """
        left = len(self._waiting)
        while left > 0 and self._waiting:
            batch = [self._waiting.popitem(last=False)[1] for _ in range(min(left, _BATCH))]
            left -= len(batch)
            try:
                await self._pipeline.ask_all([each for walk in batch for each in self._keep(walk)])
            except ValkeyAway:
                self._take_back(batch)
                return False
            except asyncio.CancelledError:
                self._take_back(batch)
                raise
        return True

    def _take_back(self, batch: Sequence[KeptWalk]) -> None:
        """They wait on, before all others; what has come of one meanwhile is newer."""
        for walk in reversed(batch):
            self._waiting.setdefault(walk.walk_id, walk)
            self._waiting.move_to_end(walk.walk_id, last=False)
        self._give_up_the_oldest()
        self._wake.set()

    def _give_up_the_oldest(self) -> None:
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)

    def _keep(self, walk: KeptWalk) -> Iterator[Command]:
        try:
            explanation = walk.explanation()
        except Exception as error:  # a name with half a surrogate pair, a number without bounds
            _log.warning("explain.walk_unwritable", problem=describe(error))
            return
        yield "SET", _walk(walk.walk_id), explanation, "PX", self._milliseconds
        names = [_request(walk.request_id), _request(walk.request_id, tenant=walk.tenant)]
        if walk.trace_id:
            names.append(_trace(walk.trace_id))
        for name in names:
            yield "ZADD", name, str(walk.began), walk.walk_id
            yield "ZREMRANGEBYRANK", name, 0, -MOST_LISTED - 1
            yield "PEXPIRE", name, self._milliseconds


def _walk(walk_id: str) -> str:
    return f"{_NAMESPACE}walk:{walk_id}"


def _trace(trace_id: str) -> str:
    return f"{_NAMESPACE}trace:{trace_id}"


def _request(request_id: str, *, tenant: str = "") -> str:
    """
    Args:
        tenant: Empty: anybody. Neither it nor an id that is kept has a colon.
    """
    return f"{_NAMESPACE}request:{tenant}:{request_id}"
