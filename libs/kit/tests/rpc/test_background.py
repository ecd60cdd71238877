"""A job of a service that breaks ends neither the service nor itself."""

import asyncio

from structlog.testing import capture_logs

from failsoft_kit.clock import LoopClock
from failsoft_kit.rpc.background import FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS, keep_running
from failsoft_kit.testing import virtual_time


class Job:
    """Runs for some seconds and breaks, as often as it is told to; then it returns."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)
        self.began: list[float] = []

    async def run(self) -> None:
        self.began.append(asyncio.get_running_loop().time())
        if self._seconds:
            await asyncio.sleep(self._seconds.pop(0))
            raise LookupError

    @property
    def pauses(self) -> list[float]:
        """From one beginning to the next."""
        return [later - sooner for sooner, later in zip(self.began, self.began[1:], strict=False)]


@virtual_time.test
async def test_a_job_that_breaks_is_begun_again_ever_later() -> None:
    job = Job(*[0.0] * 7)

    await keep_running(job.run, clock=LoopClock())

    assert job.pauses == [FIRST_PAUSE, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE, LONGEST_PAUSE]


@virtual_time.test
async def test_a_job_that_ran_well_for_a_while_is_begun_again_soon() -> None:
    job = Job(0.0, 0.0, STEADY_SECONDS, 0.0)

    await keep_running(job.run, clock=LoopClock())

    assert job.pauses == [1.0, 2.0, STEADY_SECONDS + 1.0, 2.0]


@virtual_time.test
async def test_every_breakage_is_told_with_its_job() -> None:
    """A service has several, and what they raise seldom names them."""
    job = Job(0.0, 0.0)

    with capture_logs() as logged:
        await keep_running(job.run, clock=LoopClock())

    assert [(line["log_level"], line["job"]) for line in logged] == [
        ("critical", job.run.__qualname__)
    ] * 2


@virtual_time.test
async def test_a_job_that_is_cancelled_is_over() -> None:
    job = Job(3600.0)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keep_running(job.run, clock=LoopClock()))
        await asyncio.sleep(1.0)
        running.cancel()

    assert running.cancelled()
    assert len(job.began) == 1
