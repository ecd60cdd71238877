"""Connections refused and clients who leave."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from failsoft_upstream import Options, Upstream, running
from failsoft_upstream.faults import HEALTHY, Hang, Refuse, Status
from failsoft_upstream.script import CannotRefuse, Then

if TYPE_CHECKING:
    from libs.upstream.tests.conftest import Caller

pytestmark = pytest.mark.integration

NOTICED_SECONDS = 0.25
AT_ONCE_SECONDS = 2


@pytest.mark.parametrize("fault", ["hang", "slow=60", "slow=60;cover=keep_alives", "stall=2"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_who_leaves_is_noticed_at_once(
    caller: Caller, upstream: Upstream, fault: str, stream: bool
) -> None:
    async with caller.asking(fault=fault, stream=stream):
        await upstream.meter.wait_until(lambda meter: meter.in_flight == 1)
    async with asyncio.timeout(NOTICED_SECONDS):
        await upstream.meter.wait_until(lambda meter: meter.in_flight == 0)
    assert (upstream.meter.cancelled, upstream.meter.completed) == (1, 0)


async def test_calls_in_flight_are_counted_together(caller: Caller, upstream: Upstream) -> None:
    async with caller.asking(fault="hang"), caller.asking(fault="hang"):
        await upstream.meter.wait_until(lambda meter: meter.in_flight == 2)
        assert (await caller.chat()).status == 200
    assert upstream.meter.max_in_flight == 3


async def test_a_refusing_target_does_not_listen(upstream: Upstream, caller: Caller) -> None:
    await upstream.set_fault(Refuse())
    assert not upstream.is_listening
    with pytest.raises(ConnectionRefusedError):
        await caller.chat()
    await upstream.clear_fault()
    assert (await caller.chat()).status == 200


async def test_a_refusal_ends_by_itself(upstream: Upstream, caller: Caller) -> None:
    await upstream.set_fault(Refuse(seconds=0.05))
    with pytest.raises(ConnectionRefusedError):
        await caller.chat()
    await upstream.wait_until_listening()
    assert (await caller.chat()).status == 200


async def test_a_later_command_ends_a_refusal_for_good(upstream: Upstream, caller: Caller) -> None:
    """The timer of the first refusal must not end the second."""
    await upstream.set_fault(Refuse(seconds=0.02))
    await upstream.set_fault(Refuse())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await upstream.wait_until_listening()
    await upstream.set_fault(Status(status=503))
    assert (await caller.chat()).status == 503


async def test_open_connections_end_with_a_refusal(upstream: Upstream, caller: Caller) -> None:
    """A client's pool must not go on over a connection that it has kept."""
    async with caller.asking() as idle, caller.asking(fault="stall=1", stream=True) as busy:
        await idle.reply()
        await upstream.meter.wait_until(lambda meter: meter.tokens_out == 6)
        await upstream.set_fault(Refuse())
        assert await idle.reader.read() == b""
        assert (await busy.reply()).ended == "closed"


async def test_a_single_model_cannot_refuse(upstream: Upstream) -> None:
    with pytest.raises(CannotRefuse):
        await upstream.set_fault(Refuse(), model="gpt-5-mini")


async def test_faults_are_set_and_scripted_in_process(upstream: Upstream, caller: Caller) -> None:
    await upstream.set_fault(Status(status=500))
    assert [(await caller.chat()).status for _ in range(2)] == [500, 500]
    await upstream.script([Status(status=503), HEALTHY], then=Then.REPEAT)
    assert [(await caller.chat()).status for _ in range(3)] == [503, 200, 503]
    await upstream.set_fault(Hang(), model="other")
    await upstream.reset()
    assert (await caller.chat(model="other")).status == 200
    assert upstream.meter.calls == 1


async def test_the_last_requests_can_be_read(upstream: Upstream, caller: Caller) -> None:
    await caller.chat(headers={"Authorization": "Bearer sk-1"}, model="mini")
    received = upstream.received[-1]
    assert received.path == "/v1/chat/completions"
    assert received.headers["authorization"] == "Bearer sk-1"
    assert b'"model":"mini"' in received.body


async def test_a_port_in_use_is_named(upstream: Upstream) -> None:
    port = int(upstream.url.rpartition(":")[2])
    with pytest.raises(OSError) as raised:
        async with running(Options(port=port)):
            pass
    assert f"cannot listen on 127.0.0.1:{port}" in str(raised.value)


async def test_a_look_alike_ends_at_once_with_calls_in_flight(caller_of: type[Caller]) -> None:
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(AT_ONCE_SECONDS), running() as upstream:
            hanging = caller_of(upstream).asking(fault="hang")
            await stack.enter_async_context(hanging)
            await upstream.meter.wait_until(lambda meter: meter.in_flight == 1)
        assert upstream.meter.in_flight == 0
