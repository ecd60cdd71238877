"""Owns the tasks that may outlive the request that began them: probes left behind.

A request ends when its caller has an answer. A probe that was left running goes on
for the target's sake, so it belongs to the process, which ends it when it drains.
A mistake of ours in one of them is told in the log, and is nobody else's end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.rpc import crash

_log: FilteringBoundLogger = structlog.get_logger()


class Supervisor:
    """A task group of the process; `run` is its background work."""

    def __init__(self) -> None:
        self._tasks: asyncio.TaskGroup | None = None
        self._adopted: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Own what is adopted until cancelled; then end it."""
        async with self.owning():
            await asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def owning(self) -> AsyncIterator[None]:
        """Own what is adopted inside the block; what still runs then is ended with it."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                for task in self._adopted:
                    task.cancel()

    def adopt(self, work: Callable[[], Coroutine[object, object, None]]) -> asyncio.Task[None]:
        """Run `work` until it ends or this process does.

        Raises:
            RuntimeError: `run` is not running.
        """
        if self._tasks is None:
            raise RuntimeError("nobody owns the task: run the supervisor first")
        task = self._tasks.create_task(_contained(work))
        self._adopted.add(task)
        task.add_done_callback(self._adopted.discard)
        return task

    @property
    def adopted(self) -> int:
        """Tasks that are running now."""
        return len(self._adopted)


async def _contained(work: Callable[[], Coroutine[object, object, None]]) -> None:
    try:
        await work()
    except Exception as error:
        _log.critical("supervisor.task_broke", stack=crash.describe(error))
