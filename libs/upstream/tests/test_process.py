"""The look-alike as a process of its own."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
import pytest

from failsoft_upstream import notation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from libs.upstream.tests.conftest import Wire

    Connect = Callable[[str], AbstractAsyncContextManager[Wire]]

pytestmark = pytest.mark.integration

SOON_SECONDS = 20
AT_ONCE_SECONDS = 5
CHAT = orjson.dumps({"model": "a", "messages": [{"role": "user", "content": "Hi"}]})


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "failsoft_upstream",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SOON_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def address_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("listening on http://127.0.0.1:")
    return line.split()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_while_a_call_hangs(
    connect: Connect, number: signal.Signals
) -> None:
    async with started("--port", "0") as process:
        url = await address_of(process)
        async with connect(url) as wire, connect(url) as probe:
            wire.send(
                "/v1/chat/completions", CHAT, method="POST", headers={"x-failsoft-fault": "hang"}
            )
            probe.send("/v1/chat/completions", CHAT, method="POST", headers={})
            assert (await probe.reply()).status == 200
            process.send_signal(number)
            async with asyncio.timeout(AT_ONCE_SECONDS):
                assert await process.wait() == 0


async def test_options_are_understood(connect: Connect) -> None:
    style = ("--chunks", "2", "--tokens-per-chunk", "3")
    async with (
        started("--port", "0", *style) as process,
        connect(await address_of(process)) as wire,
    ):
        wire.send("/v1/chat/completions", CHAT, method="POST", headers={})
        answer = orjson.loads((await wire.reply()).body)
    assert answer["usage"]["completion_tokens"] == 6


async def test_a_refusal_ends_under_the_event_loop_of_the_process(connect: Connect) -> None:
    """The process runs on uvloop, whose sockets close differently from asyncio's."""
    async with started("--port", "0", "--control-port", "0") as process:
        url = await address_of(process)
        assert process.stdout is not None
        control = (await process.stdout.readline()).decode().split()[-1]
        async with connect(control) as wire:
            wire.send("/control/fault", b"refuse", method="PUT", headers={})
            assert (await wire.reply()).status == 200
        with pytest.raises(ConnectionRefusedError):
            async with connect(url):
                pass
        async with connect(control) as wire:
            wire.send("/control/fault", b"reset=0", method="PUT", headers={})
            assert (await wire.reply()).status == 200
        async with connect(url) as wire:
            wire.send("/v1/chat/completions", CHAT, method="POST", headers={})
            assert (await wire.reply()).ended == "reset"


async def test_the_commands_that_it_names_at_its_start_are_such_as_it_takes(
    connect: Connect,
) -> None:
    async with started("--port", "0", "--control-port", "0") as process:
        url = await address_of(process)
        assert process.stdout is not None
        said = [(await process.stdout.readline()).decode() for _ in range(8)]
        commands = [shlex.split(line[line.index("curl") :]) for line in said if "curl" in line]
        replies = []
        for _, _, method, address, *data in commands:
            async with connect(address) as wire:
                body = data[-1].encode() if data else b""
                wire.send(urlsplit(address).path, body, method=method, headers={})
                replies.append(await wire.reply())

    assert any(f'"{url}/v1"' in line for line in said)
    assert [reply.status for reply in replies] == [200, 200]
    faults = said[-1].removeprefix("Other faults: ").rstrip(".\n").split(", ")
    assert len([notation.parse(fault) for fault in faults]) > 1


async def test_a_port_in_use_is_said_in_one_line() -> None:
    async with started("--port", "0") as first:
        port = (await address_of(first)).rpartition(":")[2]
        async with started("--port", port) as second:
            _, errors = await second.communicate()
    assert second.returncode == 2
    assert errors.decode().startswith(f"error: cannot listen on 127.0.0.1:{port}: ")
    assert errors.count(b"\n") == 1
