"""Being asked to stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, the system, and a terminal that is closed."""


@contextmanager
def on_stop(handle: Callable[[], None]) -> Iterator[None]:
    """Call `handle` for each request to stop while the block runs; needs the main thread."""
    loop = asyncio.get_running_loop()
    for number in _STOP:
        loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        for number in _STOP:
            loop.remove_signal_handler(number)


async def first_of(*waits: Coroutine[None, None, object]) -> None:
    """Return when one of them does; the others are cancelled."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each) for each in waits]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for each in running:
            each.cancel()
