"""Commanding a look-alike from another process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from failsoft_upstream import Options, faults, running
from failsoft_upstream.remote_control import Refused, RemoteControl

if TYPE_CHECKING:
    from failsoft_upstream import Upstream
    from libs.upstream.tests.conftest import Caller

pytestmark = pytest.mark.integration


async def test_a_fault_holds_for_its_model_until_it_is_cleared(
    upstream: Upstream, caller: Caller
) -> None:
    remote = RemoteControl(upstream.control_url)

    await asyncio.to_thread(remote.set_fault, faults.Status(status=503), model="mini")
    assert (await caller.chat(model="mini")).status == 503
    assert (await caller.chat(model="large")).status == 200
    await asyncio.to_thread(remote.clear_fault, model="mini")
    assert (await caller.chat(model="mini")).status == 200

    assert await asyncio.to_thread(remote.calls_by_model) == {"mini": 2, "large": 1}


async def test_connections_are_refused_and_accepted_again() -> None:
    async with running(Options(control_port=0)) as upstream:
        remote = RemoteControl(upstream.control_url)

        await asyncio.to_thread(remote.set_fault, faults.Refuse())
        assert not upstream.is_listening
        await asyncio.to_thread(remote.clear_fault)

        assert upstream.is_listening


async def test_what_the_look_alike_cannot_do_is_said(upstream: Upstream) -> None:
    remote = RemoteControl(upstream.control_url)

    with pytest.raises(Refused) as caught:
        await asyncio.to_thread(remote.set_fault, faults.Refuse())

    assert "control port" in str(caught.value)
