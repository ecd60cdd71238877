"""Background work of a service: a job that breaks is told in the log, and begun again.

What one job meets (a reply that nobody foresaw, a thread that cannot be had, a mistake of
ours) is no reason to cut every call of everybody. A job that stayed broken would leave half
a service that reports to be well. So it is begun again, soon at first and then ever later,
and each breakage is critical in the log, with its stack.
"""

import asyncio
from collections.abc import Callable, Coroutine

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.rpc import crash

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""A job that ran this long before it broke begins anew with the first pause."""

Job = Callable[[], Coroutine[object, object, None]]

_log: FilteringBoundLogger = structlog.get_logger()


async def keep_running(job: Job, *, clock: Clock) -> None:
    """Run a job until it returns, however often it breaks on the way."""
    pause = FIRST_PAUSE
    while True:
        began = clock.now()
        try:
            await job()
        except Exception as error:
            if clock.now() - began >= STEADY_SECONDS:
                pause = FIRST_PAUSE
            _log.critical(
                "service.job_broke", job=_name(job), again_in=pause, stack=crash.describe(error)
            )
        else:
            return
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, 2 * pause)


def _name(job: Job) -> str:
    """The function's name; a partial has only that of its kind."""
    return getattr(job, "__qualname__", type(job).__qualname__)
