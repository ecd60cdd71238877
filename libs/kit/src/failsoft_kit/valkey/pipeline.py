"""One connection to Valkey; the commands of one turn of the loop leave as one packet.

    away --connected, PING answered, and every key there--> here
    here --connection lost, or a reply later than the limit--> away: everybody waiting is told

One task owns the connection. Callers only queue commands, so that a pipeline is made of what
came in the same turn, and of what came while the one before was on its way. While Valkey is
away callers are turned off at once; only the owner tries again, and everybody shares its result.
A command that Valkey refuses (full, read-only, not permitted) is trouble too, until one like it
succeeds.
"""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import redis.exceptions
import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.valkey.errors import ValkeyAway
from failsoft_kit.valkey.shards import Sharded, refuse_shards

Command = tuple[bytes | str | int, ...]
Waiting = tuple[Command, "asyncio.Future[Any]"]
"""A command, and where its reply goes."""
OnChange = Callable[[str | None], None]

_CONNECT_LIMIT = 0.5
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 0.5
_STEADY_SECONDS = 5.0
"""A connection that held this long ends the series of growing delays."""
_LOOK_EVERY = 1.0
"""Seconds after which a loss is noticed although nobody asks."""
MAX_COMMANDS = 128
MAX_BYTES = 2 * 1024 * 1024
"""What one pipeline sends at most, unless one command is longer; more would miss the limit."""
_NOT_YET = "not connected yet"

_log: FilteringBoundLogger = structlog.get_logger()


class Pipeline:
    """Sends commands in batches and says whether Valkey is there.

    Replies are as redis-py gives them without decoding: bytes, int, lists of them, or None.
    """

    def __init__(
        self,
        connection: Callable[[], AbstractConnection],
        *,
        limit: float,
        clock: Clock,
        on_change: OnChange,
        goes_on_with: str,
    ) -> None:
        """
        Args:
            connection: Makes a connection that is not connected yet; called for each attempt.
                May raise OSError or ValueError, which count as one that failed.
            limit: Seconds for all replies of one pipeline; later ones mean that Valkey is away.
            on_change: Told what is wrong when Valkey goes, and None when it is back.
            goes_on_with: What is used while Valkey is away, for the log.
        """
        self._connection = connection
        self._limit = limit
        self._clock = clock
        self._on_change = on_change
        self._goes_on_with = goes_on_with
        self._away: str | None = _NOT_YET
        self._refused: dict[object, str] = {}
        self._queue: collections.deque[Waiting] = collections.deque()
        self._wake = asyncio.Event()
        self._said_trouble: bool | None = None

    @property
    def trouble(self) -> str | None:
        """What is wrong, for people; None: nothing."""
        return self._away or next(iter(self._refused.values()), None)

    async def run(self) -> None:
        """Stay connected until cancelled; then everybody who waits is turned off."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stay_connected())
                tasks.create_task(self._look_often())
        finally:
            self._turn_off("this replica is shutting down")

    async def ask(self, *command: bytes | str | int) -> Any:  # noqa: ANN401 - depends on the command
        """The reply to a command; raises ValkeyAway within the limit if there is none."""
        return await self._enqueue(command)

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands that go together; raises ValkeyAway if any has none."""
        return await asyncio.gather(*[self._enqueue(command) for command in commands])

    def _enqueue(self, command: Command) -> "asyncio.Future[Any]":
        if self._away is not None:
            raise ValkeyAway(self._away)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append((command, reply))
        self._wake.set()
        return reply

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            started = self._clock.now()
            try:
                async with self._connected() as connection:
                    self._come_back()
                    await self._serve(connection)
            except (RedisError, OSError, ValueError) as error:
                self._turn_off(_reason(error))
                self._tell()
            if self._clock.now() - started >= _STEADY_SECONDS:
                failures = 0
            await asyncio.sleep(delay_after(failures))
            failures += 1

    async def _look_often(self) -> None:
        """Ask now and then, so that a loss shows although nobody looks anything up."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            with contextlib.suppress(ValkeyAway):
                await self.ask("PING")

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AbstractConnection]:
        connection = self._connection()
        try:
            async with asyncio.timeout(_CONNECT_LIMIT):
                await connection.connect()  # type: ignore[no-untyped-call] # as redis has it
                await connection.send_command("PING")
                await connection.read_response()
                await refuse_shards(connection)
            yield connection
        finally:
            await connection.disconnect(nowait=True)

    async def _serve(self, connection: AbstractConnection) -> None:
        """Send what is queued, again and again, until a pipeline fails."""
        while True:
            await self._wake.wait()
            batch = next_batch(self._queue)
            if not self._queue:
                self._wake.clear()
            try:
                async with asyncio.timeout(self._limit):
                    await self._exchange(connection, batch)
            finally:
                self._queue.extendleft(each for each in batch if not each[1].done())
            self._tell()

    async def _exchange(self, connection: AbstractConnection, batch: Sequence[Waiting]) -> None:
        packed = connection.pack_commands([command for command, _ in batch])
        await connection.send_packed_command(packed, check_health=False)
        for command, waiting in batch:
            try:
                reply = await connection.read_response(disconnect_on_error=False)
            except ResponseError as error:
                self._refused[command[0]] = f"Valkey refuses {command[0]!s}: {type(error).__name__}"
                _settle(waiting, ValkeyAway(self._refused[command[0]]))
            else:
                self._refused.pop(command[0], None)
                _settle(waiting, reply)

    def _come_back(self) -> None:
        self._away = None
        self._refused.clear()
        self._wake.clear()
        self._tell()

    def _turn_off(self, reason: str) -> None:
        """Valkey is away; nobody waits any longer."""
        self._away = reason
        while self._queue:
            _settle(self._queue.popleft()[1], ValkeyAway(reason))

    def _tell(self) -> None:
        """One line in the log, and one call, for each change between well and not."""
        trouble = self.trouble
        if self._said_trouble is (trouble is not None):
            return
        self._said_trouble = trouble is not None
        if trouble is None:
            _log.info("valkey.connected")
        else:
            _log.warning("valkey.away", problem=trouble, goes_on_with=self._goes_on_with)
        self._on_change(trouble)


def next_batch(queue: collections.deque[Waiting]) -> list[Waiting]:
    """Take from the queue, which has something in it, what goes into the next pipeline."""
    batch: list[Waiting] = []
    size = 0
    while queue and len(batch) < MAX_COMMANDS:
        size += sum(len(word) for word in queue[0][0] if isinstance(word, bytes))
        if batch and size > MAX_BYTES:
            break
        batch.append(queue.popleft())
    return batch


def delay_after(failures: int) -> float:
    """Seconds to wait before the next try to connect, after so many in a row that failed."""
    return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures, 8))


def _settle(reply: "asyncio.Future[Any]", result: object) -> None:
    """Give the reply to who waits for it, unless they have gone."""
    if reply.done():
        return
    if isinstance(result, Exception):
        reply.set_exception(result)
    else:
        reply.set_result(result)


def _reason(error: Exception) -> str:
    """What went wrong, without quoting the server or the URL."""
    if isinstance(error, Sharded):
        return str(error)
    if isinstance(error, TimeoutError | redis.exceptions.TimeoutError):
        return "Valkey did not answer in time"
    return f"Valkey cannot be reached: {type(error).__name__}"
