"""Obituaries of real processes."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.process import BaseProcess

import pytest

from failsoft_local_llm.adapters.vllm.death import wait_until_one_ends

pytestmark = pytest.mark.integration

NOTICED_SECONDS = 1.0


@pytest.fixture
def process() -> Iterator[BaseProcess]:
    """A process that does nothing until it is ended."""
    process = multiprocessing.get_context("spawn").Process(target=signal.pause)
    process.start()
    yield process
    process.kill()
    process.join()


def alive() -> bool:
    return False


async def test_a_killed_process_is_noticed_at_once_with_what_killed_it(
    process: BaseProcess,
) -> None:
    assert process.pid is not None
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(wait_until_one_ends([process], answers_no_more=alive))
        await asyncio.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
        async with asyncio.timeout(NOTICED_SECONDS):
            why = await waiting

    assert why == f"the engine's process {process.pid} was killed by SIGKILL"


async def test_how_it_ended_is_told_although_somebody_else_was_told_first(
    process: BaseProcess,
) -> None:
    """The kernel tells once; vLLM's own thread writes it down a moment after that."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    _, status = await asyncio.to_thread(os.waitpid, process.pid, 0)
    writing = asyncio.get_running_loop().call_later(
        0.005,
        setattr,
        process._popen,  # type: ignore[attr-defined] # where the other thread writes it
        "returncode",
        os.waitstatus_to_exitcode(status),
    )

    why = await wait_until_one_ends([process], answers_no_more=lambda: True)

    writing.cancel()
    assert why == f"the engine's process {process.pid} was killed by SIGKILL"


async def test_an_engine_that_says_it_is_dead_is_believed_while_its_process_lingers(
    process: BaseProcess,
) -> None:
    why = await wait_until_one_ends([process], answers_no_more=lambda: True)

    assert why == "the engine answers no more"


async def test_who_stops_waiting_leaves_the_process_alone(process: BaseProcess) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await wait_until_one_ends([process], answers_no_more=alive)

    assert process.is_alive()
