"""How one of vLLM's processes ended."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 1.0
"""How long a process may take to end that has said so."""
_REAPED_SECONDS = 0.02


async def wait_until_one_ends(
    processes: Sequence[BaseProcess], *, answers_no_more: Callable[[], bool]
) -> str:
    """Returns when one of them has ended: which, and how, in words for the operator.

    Args:
        answers_no_more: Whether they have said so; they may need a while to end after it.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for process in processes:
        loop.add_reader(process.sentinel, ended.set)
    try:
        while not (ended.is_set() or answers_no_more()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await ended.wait()
    finally:
        for process in processes:
            loop.remove_reader(process.sentinel)
    return await asyncio.to_thread(_obituary, processes)


def _obituary(processes: Sequence[BaseProcess]) -> str:
    for process in processes:
        exit_code = _exit_code(process)
        if exit_code is None:
            continue
        if exit_code < 0:
            name = signal.Signals(-exit_code).name
            return f"the engine's process {process.pid} was killed by {name}"
        return f"the engine's process {process.pid} ended with exit code {exit_code}"
    return "the engine answers no more"


def _exit_code(process: BaseProcess) -> int | None:
    """How it ended; None: it has not, in all the time that it is given.

    vLLM has a thread that waits for its processes too. The kernel tells only one of the two,
    and the other one may look before that has written it down: `join` returns, and there is
    no exit code yet.
    """
    process.join(_GRACE_SECONDS)
    if process.exitcode is None and process.sentinel in wait([process.sentinel], timeout=0):
        threading.Event().wait(_REAPED_SECONDS)
    return process.exitcode
