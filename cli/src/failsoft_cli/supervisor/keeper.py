"""Keeps one service alive.

stopped --> starting --> ready <--> not ready
               ^           |
               |          dies
               |           v
             waiting <-----+-----> given up
and from everywhere, when it is asked to: stopping --> stopped
"""

import asyncio
import enum
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from failsoft_cli.supervisor.process import Death, Process, Program, running
from failsoft_cli.supervisor.readiness import Probe
from failsoft_cli.supervisor.restart import RECOVERED_AFTER, delay_before, is_hopeless
from failsoft_kit.clock import Clock

_HURRIED_GRACE = 2.0


class Condition(enum.Enum):
    """How a service is."""

    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not ready"
    WAITING = "waiting"
    GIVEN_UP = "given up"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is kept alive.

    Attributes:
        name: One word.
        address: Where it can be reached, for people.
        probe: Says whether it is ready.
        grace: Seconds that it may take to end before it is killed.
    """

    name: str
    address: str
    program: Program
    probe: Probe
    grace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a service is, and since when.

    Attributes:
        since: A moment of the clock.
        detail: What made it so, in words; may be empty.
        last_words: What the process said before it died; empty while it lives.
    """

    condition: Condition
    since: float
    detail: str = ""
    last_words: tuple[str, ...] = ()


OnChange = Callable[["Keeper"], None]


class Keeper:
    """One service and how it is; `keep` it once."""

    def __init__(self, service: Service, *, clock: Clock, on_change: OnChange) -> None:
        self.service = service
        self.status = Status(condition=Condition.STARTING, since=clock.now())
        self.pid: int | None = None
        """Of the process that runs now; None: none does."""
        self._clock = clock
        self._on_change = on_change
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._ready_at: float | None = None

    @property
    def condition(self) -> Condition:
        return self.status.condition

    def stop(self) -> None:
        """Ask `keep` to end the service and return."""
        self._stop.set()

    def hurry(self) -> None:
        """Tell a service that is ending to drop what it still does."""
        self._hurry.set()

    async def keep(self) -> None:
        """Run the service until it is asked to stop, or is not worth starting again."""
        restarts = 0
        was_ever_ready = False
        while True:
            try:
                death = await self._live(self._clock.now())
            except OSError as error:
                self._enter(Condition.GIVEN_UP, f"cannot be started: {error}")
                return
            if self._stop.is_set():
                self._enter(Condition.STOPPED)
                return
            was_ever_ready = was_ever_ready or self._ready_at is not None
            if is_hopeless(death.code, was_ever_ready=was_ever_ready):
                self._enter(Condition.GIVEN_UP, str(death), death)
                return
            restarts = 1 if self._had_recovered() else restarts + 1
            delay = delay_before(restarts)
            self._enter(Condition.WAITING, f"{death}; it is started again in {delay:g} s", death)
            if await _within(self._stop, delay):
                self._enter(Condition.STOPPED)
                return

    async def _live(self, began: float) -> Death:
        """One life, from start to end."""
        self._ready_at = None
        async with running(self.service.program) as process:
            self.pid = process.pid
            self._enter(Condition.STARTING)
            try:
                async with asyncio.TaskGroup() as tasks:
                    watching = tasks.create_task(self._watch(began))
                    ending = tasks.create_task(self._end_when_asked(process, watching))
                    death = await process.wait()
                    watching.cancel()
                    ending.cancel()
                return death
            finally:
                self.pid = None

    async def _watch(self, began: float) -> None:
        async with aclosing(self.service.probe()) as readings:
            async for ready in readings:
                if ready and self._ready_at is None:
                    self._ready_at = self._clock.now()
                    self._enter(Condition.READY, f"after {self._ready_at - began:.1f} s")
                elif self._ready_at is not None:
                    self._enter(Condition.READY if ready else Condition.NOT_READY)

    async def _end_when_asked(self, process: Process, watching: asyncio.Task[None]) -> None:
        await self._stop.wait()
        watching.cancel()
        self._enter(Condition.STOPPING)
        process.terminate()
        if await _within(self._hurry, self.service.grace):
            process.terminate()
            await asyncio.sleep(_HURRIED_GRACE)
        process.kill()

    def _had_recovered(self) -> bool:
        return self._ready_at is not None and (
            self._clock.now() - self._ready_at >= RECOVERED_AFTER
        )

    def _enter(self, condition: Condition, detail: str = "", death: Death | None = None) -> None:
        if condition is self.condition and not detail:
            return
        self.status = Status(
            condition=condition,
            since=self._clock.now(),
            detail=detail,
            last_words=() if death is None else death.last_words,
        )
        self._on_change(self)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event comes within that time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
