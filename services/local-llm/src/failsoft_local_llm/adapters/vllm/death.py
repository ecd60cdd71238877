"""How one of vLLM's processes ended."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess

_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 1.0
"""How long a process may take to end that has said so."""


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
        process.join(_GRACE_SECONDS)
        if process.exitcode is None:
            continue
        if process.exitcode < 0:
            name = signal.Signals(-process.exitcode).name
            return f"the engine's process {process.pid} was killed by {name}"
        return f"the engine's process {process.pid} ended with exit code {process.exitcode}"
    return "the engine answers no more"
