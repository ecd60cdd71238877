"""Keeps an engine running: starts it, lets callers in when it is ready, starts it again.

    starting --loaded, and one real generation done--> serving
    starting --failed, or took too long--> waiting
    serving --died, or is silent for too long--> waiting
    waiting --backoff over--> starting

Who asks meanwhile is told why there is no engine, and when there will probably be one.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_local_llm.app.warmup import warm_up
from failsoft_local_llm.app.watchdog import wait_until_stalled
from failsoft_local_llm.core import backoff
from failsoft_local_llm.core.errors import EngineUnavailable
from failsoft_local_llm.ports import (
    Engine,
    EngineDied,
    EngineRefused,
    StartEngine,
    Template,
)
from failsoft_model.walk import Load

_log: FilteringBoundLogger = structlog.get_logger()

_FIRST_START_SECONDS = 10.0
"""What a start is thought to take before there was one."""
_SOONEST_RETRY_SECONDS = 0.5


class OnChange(Protocol):
    """Is told whether callers are let in, and why, in words for the operator."""

    def __call__(self, *, serving: bool, why: str) -> None: ...


class EngineHost:
    """Owns the one engine of this process."""

    def __init__(
        self,
        start: StartEngine,
        *,
        template: Template,
        clock: Clock,
        start_seconds: float,
        stall_seconds: float,
        on_change: OnChange,
    ) -> None:
        """
        Args:
            start_seconds: How long loading and the first generation may take.
            stall_seconds: How long an engine with work may say nothing.
        """
        self._start = start
        self._template = template
        self._clock = clock
        self._start_seconds = start_seconds
        self._stall_seconds = stall_seconds
        self._on_change = on_change
        self._engine: Engine | None = None
        self._why = "the model is loading"
        self._usual_start = _FIRST_START_SECONDS
        self._ready_at = clock.now() + _FIRST_START_SECONDS

    def engine(self) -> Engine:
        """The engine that serves now.

        Raises:
            EngineUnavailable: there is none, with why and when to try again.
        """
        if self._engine is None:
            raise self.unavailable(self._why)
        return self._engine

    def unavailable(self, why: str) -> EngineUnavailable:
        """What callers are told who meet no engine, or one that has just died."""
        until_ready = self._ready_at - self._clock.now()
        return EngineUnavailable(why, retry_after=max(_SOONEST_RETRY_SECONDS, until_ready))

    def load(self) -> Load:
        """How busy the engine is; nothing at all while there is none."""
        return Load() if self._engine is None else self._engine.load()

    async def run(self) -> None:
        """Keeps an engine running until cancelled, which ends it."""
        failures = 0
        while True:
            why, served_seconds = await self._live()
            failures = backoff.failures_after(failures, served_seconds=served_seconds)
            delay = backoff.delay(failures)
            self._ready_at = self._clock.now() + delay + self._usual_start
            _log.warning("engine.failed", why=why, failures=failures, restart_in=delay)
            await asyncio.sleep(delay)

    async def _live(self) -> tuple[str, float]:
        """One life of an engine: why it ended, and how many seconds it served."""
        began = self._clock.now()
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._start_seconds):
                    engine = await self._ready(stack)
                served_from = self._clock.now()
                self._let_in(engine, took=served_from - began)
                why = await self._end_of(engine)
                served_seconds = self._clock.now() - served_from
                self._shut_out(why)  # now, for to end it may take a while
            return why, served_seconds
        except (EngineDied, EngineRefused) as error:
            why = str(error)
        except TimeoutError:
            why = f"the engine was not ready within {self._start_seconds:g} s"
        finally:
            self._engine = None
        self._shut_out(why)
        return why, 0.0

    async def _end_of(self, engine: Engine) -> str:
        """Why an engine that has served is of no use any more."""
        async with asyncio.TaskGroup() as tasks:
            ends = [
                tasks.create_task(engine.wait_until_dead()),
                tasks.create_task(
                    wait_until_stalled(engine, clock=self._clock, after=self._stall_seconds)
                ),
            ]
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
        return next(iter(done)).result()

    async def _ready(self, stack: AsyncExitStack) -> Engine:
        """An engine that has answered a first question; the stack ends it."""
        engine = await stack.enter_async_context(self._start())
        try:
            await warm_up(engine, self._template)
        except EngineDied:
            raise EngineDied(await engine.wait_until_dead()) from None
        return engine

    def _let_in(self, engine: Engine, *, took: float) -> None:
        self._engine = engine
        self._usual_start = took
        _log.info("engine.serving", start_seconds=round(took, 3))
        self._on_change(serving=True, why="the model has answered a first question")

    def _shut_out(self, why: str) -> None:
        self._engine = None
        self._why = why
        self._on_change(serving=False, why=why)
