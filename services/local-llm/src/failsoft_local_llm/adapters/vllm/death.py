"""How one of vLLM's processes ended."""

import asyncio
import signal
from collections.abc import Sequence
from multiprocessing.process import BaseProcess

_GRACE_SECONDS = 2.0
"""How long a process may take to end that has said so."""


async def wait_until_one_ends(processes: Sequence[BaseProcess], *, told: asyncio.Event) -> str:
    """Returns when one of them has ended: which, and how, in words for the operator.

    Args:
        told: Set by who has learned otherwise that they answer no more.
    """
    loop = asyncio.get_running_loop()
    for process in processes:
        loop.add_reader(process.sentinel, told.set)
    try:
        await told.wait()
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
