"""One engine from its start to its end.

starting --loaded, and has answered what the warm-up asks--> serving
starting --failed, or took too long--> over
serving --died, or is silent for too long--> over
serving --retired, and has answered whom it had--> over
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.rpc import crash
from failsoft_local_llm.app.warmup import warm_up
from failsoft_local_llm.app.watchdog import wait_until_stalled
from failsoft_local_llm.ports import Candidate, Engine, EngineDied, EngineRefused, Opened
from failsoft_model.chat import Degradation

_DRAIN_LOOK_SECONDS = 0.25

_log: FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an engine may take for what. Seconds."""

    start: float
    """Loading and warming up."""
    stall: float
    """Saying nothing although it has work."""
    warm_up_tokens: int = 0
    """Tokens of the longest prompt of the warm-up; 0: only one short question is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A model that answers."""

    rung: int
    candidate: Candidate
    opened: Opened
    engine: Engine

    @property
    def degradation(self) -> Degradation:
        """What it is to those who asked for the best one."""
        return Degradation.FALLBACK_TARGET if self.rung else Degradation.NONE


class OnServing(Protocol):
    """Is told when a model answers, and how many seconds its start took."""

    def __call__(self, serving: Serving, *, took: float) -> None: ...


class OnEnd(Protocol):
    """Is told at once when a model answers no more, and why; to end its engine may take longer."""

    def __call__(self, life: "Life", *, why: str) -> None: ...


class Life:
    """Runs one engine of a candidate."""

    def __init__(
        self,
        rung: int,
        candidate: Candidate,
        *,
        clock: Clock,
        patience: Patience,
        on_serving: OnServing,
        on_end: OnEnd,
    ) -> None:
        self.rung = rung
        self.candidate = candidate
        self.serving: Serving | None = None
        """None: it does not yet, or no more."""
        self.served_seconds: float | None = None
        """Known at its end; None: it has never served."""
        self.settled = asyncio.Event()
        """Set when it serves, and when it has failed to."""
        self.over = asyncio.Event()
        """Set when its engine has gone."""
        self._clock = clock
        self._patience = patience
        self._on_serving = on_serving
        self._on_end = on_end
        self._retired = asyncio.Event()

    @property
    def retired(self) -> bool:
        """Whether it is to end although nothing is wrong with it."""
        return self._retired.is_set()

    def retire(self) -> None:
        """It shall end when it has answered those whom it answers now."""
        self._retired.set()

    async def run(self) -> None:
        """Returns when it is over; cancelling ends the engine."""
        try:
            await self._run()
        finally:
            self.serving = None
            self.settled.set()
            self.over.set()

    async def _run(self) -> None:
        began = self._clock.now()
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._patience.start):
                    self.serving = await self._ready(stack)
                served_from = self._clock.now()
                self._on_serving(self.serving, took=served_from - began)
                self.settled.set()
                why = await self._end_of(self.serving.engine)
                self.served_seconds = self._clock.now() - served_from
                self.serving = None
                self._on_end(self, why=why)
            return
        except (EngineDied, EngineRefused) as error:
            why = str(error)
        except TimeoutError:
            why = f"the engine was not ready within {self._patience.start:g} s"
        except Exception as error:
            _log.critical(
                "engine.broke", profile=self.candidate.profile, stack=crash.describe(error)
            )
            why = f"the engine broke: {type(error).__name__}"
        self._on_end(self, why=why)

    async def _ready(self, stack: AsyncExitStack) -> Serving:
        """An engine that is warm; the stack ends it."""
        opened = await self.candidate.open()
        engine = await stack.enter_async_context(opened.start())
        try:
            await warm_up(engine, opened, longest=self._patience.warm_up_tokens)
        except EngineDied:
            raise EngineDied(await engine.wait_until_dead()) from None
        return Serving(rung=self.rung, candidate=self.candidate, opened=opened, engine=engine)

    async def _end_of(self, engine: Engine) -> str:
        """Why an engine that has served is of no use any more."""
        stalled = wait_until_stalled(engine, clock=self._clock, after=self._patience.stall)
        async with asyncio.TaskGroup() as tasks:
            ends = [
                tasks.create_task(each)
                for each in (engine.wait_until_dead(), stalled, self._until_left(engine))
            ]
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
        return next(iter(done)).result()

    async def _until_left(self, engine: Engine) -> str:
        """Returns when it was retired and has nobody left to answer."""
        await self._retired.wait()
        while engine.load().running + engine.load().waiting:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        return "it was retired"
