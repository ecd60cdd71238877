"""One engine from its start to its end.

starting --loaded, and has answered what the warm-up asks--> serving
starting --failed, took too long, or was retired--> over
serving  --died, or is silent for too long--> over
serving  --retired, and has answered whom it had--> over
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


class Watcher(Protocol):
    """Is told of what becomes of a life."""

    def serves(self, serving: Serving, *, took: float) -> None:
        """It answers; its start took so many seconds."""

    def ends(self, life: "Life", *, why: str) -> None:
        """It answers no more, and nobody has retired it; to end its engine may take longer."""

    def turns(self) -> None:
        """One of `serving`, `settled` and `over` is another than before."""


class Life:
    """Runs one engine of a candidate."""

    def __init__(
        self,
        rung: int,
        candidate: Candidate,
        *,
        clock: Clock,
        patience: Patience,
        watcher: Watcher,
    ) -> None:
        self.rung = rung
        self.candidate = candidate
        self.serving: Serving | None = None
        """None: it does not yet, or no more."""
        self.served_seconds: float | None = None
        """Known at its end; None: it has never served."""
        self.settled = False
        """Whether it has begun to serve, or failed to."""
        self.over = False
        """Whether its engine has gone."""
        self._clock = clock
        self._patience = patience
        self._watcher = watcher
        self._retired = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def retired(self) -> bool:
        """Whether it is to end although nothing is wrong with it."""
        return self._retired.is_set()

    @property
    def has_served(self) -> bool:
        """Whether it does, or did once."""
        return self.serving is not None or self.served_seconds is not None

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Starts the engine in a task of theirs, which ends with it; cancelling ends the engine."""
        self._running = tasks.create_task(self._run())

    def retire(self) -> None:
        """It shall end when it has answered those whom it answers now; at once if it has none."""
        self._retired.set()
        if self._running is not None and not self.settled:
            self._running.cancel()

    async def _run(self) -> None:
        try:
            await self._live()
        finally:
            self.serving = None
            self.settled = self.over = True
            self._watcher.turns()

    async def _live(self) -> None:
        began = self._clock.now()
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._patience.start):
                    self.serving = await self._ready(stack)
                served_from = self._clock.now()
                self.settled = True
                self._watcher.serves(self.serving, took=served_from - began)
                self._watcher.turns()
                why = await self._end_of(self.serving.engine)
                self.served_seconds = self._clock.now() - served_from
                self.serving = None
                self._end(why)
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
        self._end(why)

    def _end(self, why: str) -> None:
        if self.retired:
            _log.info("engine.ended", profile=self.candidate.profile, why=why)
        else:
            self._watcher.ends(self, why=why)

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
