"""The connection to a real Valkey."""

from __future__ import annotations

import asyncio
import collections
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.valkey.connection import connection_to
from failsoft_kit.valkey.errors import ValkeyAway
from failsoft_kit.valkey.pipeline import (
    MAX_BYTES,
    MAX_COMMANDS,
    Pipeline,
    delay_after,
    next_batch,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from valkey_process import ValkeyProcess

    from failsoft_kit.valkey.pipeline import Waiting

pytestmark = pytest.mark.integration


class Changes:
    """What a pipeline said, in order."""

    def __init__(self) -> None:
        self.said: list[str | None] = []
        self._new = asyncio.Event()

    def __call__(self, trouble: str | None) -> None:
        self.said.append(trouble)
        self._new.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(5.0):
            while len(self.said) < count:
                self._new.clear()
                await self._new.wait()


@asynccontextmanager
async def running(url: str, changes: Changes) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(
        lambda: connection_to(url),
        limit=5.0,
        clock=SystemClock(),
        on_change=changes,
        goes_on_with="nothing",
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(pipeline.run())
        await changes.wait_for(1)
        yield pipeline
        task.cancel()


async def test_commands_of_one_turn_leave_as_one_packet(valkey: ValkeyProcess) -> None:
    """Valkey itself counts how often it had something to read."""
    async with running(valkey.url, Changes()) as pipeline:
        before = int(valkey.info("stats", "total_reads_processed"))

        replies = await asyncio.gather(*[pipeline.ask("ECHO", str(n)) for n in range(100)])

        # One for the packet, one for each of the two questions about it, and perhaps a PING.
        assert int(valkey.info("stats", "total_reads_processed")) - before <= 4
        assert replies == [str(n).encode() for n in range(100)]


async def test_what_came_first_is_done_first(valkey: ValkeyProcess) -> None:
    async with running(valkey.url, Changes()) as pipeline:
        replies = await pipeline.ask_all(
            [command for n in range(300) for command in (("SET", "n", n), ("GET", "n"))]
        )

    assert replies[1::2] == [str(n).encode() for n in range(300)]


async def test_a_caller_who_left_does_not_shift_the_replies(valkey: ValkeyProcess) -> None:
    async with running(valkey.url, Changes()) as pipeline:
        async with asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(pipeline.ask("ECHO", "one"))
            staying = tasks.create_task(pipeline.ask("ECHO", "two"))
            await asyncio.sleep(0)
            leaving.cancel()

        assert leaving.cancelled()
        assert staying.result() == b"two"
        assert await pipeline.ask("ECHO", "three") == b"three"


async def test_a_refused_command_is_its_callers_alone(valkey: ValkeyProcess) -> None:
    """The others of the same packet have their replies, and the refusal quotes nothing."""
    async with running(valkey.url, Changes()) as pipeline:
        valkey.client.lpush("list", "x")
        replies = await asyncio.gather(
            pipeline.ask("ECHO", "one"),
            pipeline.ask("GET", "list"),
            pipeline.ask("ECHO", "two"),
            return_exceptions=True,
        )

        assert (replies[0], replies[2]) == (b"one", b"two")
        assert isinstance(replies[1], ValkeyAway)
        assert str(replies[1]) == "Valkey refuses GET: ResponseError"
        assert pipeline.trouble == "Valkey refuses GET: ResponseError"


async def test_each_change_is_said_once(mortal_valkey: ValkeyProcess) -> None:
    """An outage is two lines in the log, however long it lasts and however many ask."""
    changes = Changes()
    async with running(mortal_valkey.url, changes) as pipeline:
        mortal_valkey.kill()
        await changes.wait_for(2)
        for _ in range(50):
            with pytest.raises(ValkeyAway):
                await pipeline.ask("ECHO", "anybody?")
        mortal_valkey.start()
        await changes.wait_for(3)

        assert await pipeline.ask("ECHO", "back") == b"back"

    assert [trouble is None for trouble in changes.said] == [True, False, True]


async def test_who_waits_when_it_ends_is_turned_off(mortal_valkey: ValkeyProcess) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with running(mortal_valkey.url, Changes()) as pipeline:
            mortal_valkey.freeze()
            waiting = tasks.create_task(_turned_off(pipeline))
            await asyncio.sleep(0)
        mortal_valkey.thaw()

    assert waiting.result()


async def test_a_wrong_password_is_trouble_and_is_never_shown(mortal_valkey: ValkeyProcess) -> None:
    mortal_valkey.client.config_set("requirepass", "right")
    changes = Changes()

    async with running(f"unix://:wr0ng@{mortal_valkey.socket}", changes):
        [trouble] = changes.said

    assert trouble is not None
    assert "wr0ng" not in trouble


@pytest.mark.parametrize(
    "url", ["", "wr0ng", "http://:wr0ng@host", "redis://:wr0ng@host:port", "redis://:wr0ng@h?a=b"]
)
def test_what_is_no_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match="must be a URL") as raised:
        connection_to(url)

    assert "wr0ng" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("scheme", ["valkey", "valkeys", "redis", "rediss"])
def test_valkeys_own_scheme_means_the_same(scheme: str) -> None:
    connection = connection_to(f"{scheme}://:secret@example:7000/3")

    assert repr(connection).count("host=example,port=7000,db=3") == 1


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        ([0] * (MAX_COMMANDS + 1), MAX_COMMANDS),
        ([MAX_BYTES], 1),
        ([MAX_BYTES + 1, 0], 1),
        ([1, MAX_BYTES], 1),
        ([1, MAX_BYTES - 1, 0, 1], 3),
    ],
    ids=["many", "large", "too large", "too large together", "just right"],
)
async def test_a_packet_is_never_so_large_that_it_misses_the_limit(
    sizes: list[int], taken: int
) -> None:
    """What is too large by itself goes alone, and nothing is left for ever."""
    reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    queue: collections.deque[Waiting] = collections.deque(
        (("SET", "name", b"x" * size), reply) for size in sizes
    )

    batch = next_batch(queue)

    assert (len(batch), len(queue)) == (taken, len(sizes) - taken)


def test_tries_to_connect_are_neither_a_storm_nor_slow() -> None:
    assert [delay_after(n) for n in (0, 1, 2, 3, 1000)] == [0.1, 0.2, 0.4, 0.5, 0.5]


async def _turned_off(pipeline: Pipeline) -> bool:
    with pytest.raises(ValkeyAway):
        await pipeline.ask("ECHO", "anybody?")
    return True
