"""Keeps a model running: the best of several that can be had, loaded again when it dies.

Which one is started next is the ladder's to say. While a lower one serves the better ones are
tried beside it, when nobody asks for anything or when the operator wants it; one that is ready
takes over, and the lower one ends when it has answered those whom it answers. So nobody waits
for a model that cannot be loaded.

A model that nobody asks for may be unloaded. It counts as serving all the same: a router that
were told otherwise would ask nobody here any more, and it is the next request that wakes it.

Who asks while there is no engine is told why, and when there will probably be one.
"""

import asyncio
import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry import Meter
from failsoft_local_llm.app.life import Life, Patience, Serving
from failsoft_local_llm.app.metrics import EngineMetrics
from failsoft_local_llm.core.errors import EngineUnavailable
from failsoft_local_llm.core.ladder import Ladder
from failsoft_local_llm.core.lives import EngineEvent
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.core.status import Status
from failsoft_local_llm.ports import Candidate
from failsoft_model.walk import Load

_log: FilteringBoundLogger = structlog.get_logger()

_FIRST_START_SECONDS = 10.0
"""What a start is thought to take before there was one."""
_SOONEST_RETRY_SECONDS = 0.5
_IDLE_LOOK_SECONDS = 1.0
_LOADING = "the model is loading"
_ANSWERS = "the model has answered a first question"
_ASLEEP = "nobody asked for the model, so it was unloaded; the next request loads it"
_WAKING = "the model is being loaded for a request"


class OnChange(Protocol):
    """Is told whether callers are let in, and why, in words for the operator."""

    def __call__(self, *, serving: bool, why: str) -> None: ...


class OnServing(Protocol):
    """Is told of each model that begins to answer."""

    def __call__(self, serving: Serving) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """When the host does something of its own accord. Seconds."""

    retry: float
    """How long a lower model serves before the better ones are tried again."""
    unload: float | None = None
    """How long nobody asks for anything before the model is unloaded; None: it never is."""


class _Event(enum.Enum):
    """What happens to a life."""

    OVER = "over"
    ASLEEP = "asleep"
    CLIMB = "climb"


class EngineHost:
    """Owns the engines of this process; one of them serves."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        *,
        clock: Clock,
        patience: Patience,
        habits: Habits,
        on_change: OnChange,
        on_serving: OnServing,
        meter: Meter,
    ) -> None:
        """
        Args:
            candidates: The models, best first; at least one.
        """
        self.candidates = candidates
        self._clock = clock
        self._patience = patience
        self._habits = habits
        self._on_change = on_change
        self._on_serving = on_serving
        self._metrics = EngineMetrics(meter, candidates=candidates)
        self._metrics.watch(lambda: self.answering)
        self._ladder = Ladder(len(candidates), retry_seconds=habits.retry)
        self._current: Serving | None = None
        self._known = candidates[0].known
        self._why = _LOADING
        self._best_failed = ""
        self._asleep = False
        self._waking = False
        self._woken = asyncio.Event()
        self._settled = asyncio.Event()
        self._asked_to_climb = asyncio.Event()
        self._usual_starts = [_FIRST_START_SECONDS] * len(candidates)
        self._ready_at = clock.now() + _FIRST_START_SECONDS
        self._used_at = clock.now()

    @property
    def best(self) -> Candidate:
        """The model that is to be served."""
        return self.candidates[0]

    @property
    def answering(self) -> tuple[Candidate, int] | None:
        """The model that answers, and its rung; None: none does."""
        current = self._current
        return None if current is None else (current.candidate, current.rung)

    @property
    def known(self) -> ServedModel | None:
        """The model that serves, or has last; else what is known of the best without its files."""
        return self._known

    @property
    def models(self) -> frozenset[str]:
        """The models' names; whichever of them serves answers to all."""
        return frozenset(each.name for each in self.candidates)

    @property
    def names(self) -> frozenset[str]:
        """Everything that callers may ask for, at one time or another."""
        return self.models.union(*(each.adapters for each in self.candidates))

    def serving(self) -> Serving:
        """The model that answers now.

        Raises:
            EngineUnavailable: there is none, with why and when to try again.
        """
        if self._current is None:
            raise self.unavailable(self._why)
        self._used_at = self._clock.now()
        return self._current

    async def awake(self, *, until: float) -> Serving:
        """The model that answers now; one that was unloaded is loaded first.

        Args:
            until: When it is of no use any more, on the clock's `now`; may be `math.inf`.

        Raises:
            EngineUnavailable: as by `serving`; or there would probably be none in time. What was
                unloaded is being loaded then all the same.
        """
        if self._asleep:
            self._wake()
        if self._waking and self._ready_at <= until:
            await self._settled.wait()
        return self.serving()

    def unavailable(self, why: str) -> EngineUnavailable:
        """What callers are told who meet no engine, or one that has just died."""
        until_ready = self._ready_at - self._clock.now()
        return EngineUnavailable(why, retry_after=max(_SOONEST_RETRY_SECONDS, until_ready))

    def load(self) -> Load:
        """How busy the engine is; nothing at all while there is none."""
        return Load() if self._current is None else self._current.engine.load()

    def status(self) -> Status:
        """What is served now, and why."""
        candidate = self.candidates[self._ladder.rung]
        current = self._current
        return Status(
            serving=current is not None or self._asleep or self._waking,
            why=self._why,
            answered_by="" if current is None else current.opened.model.name,
            degraded=current is not None and current.rung > 0,
            profile=candidate.profile,
            engine=candidate.engine,
        )

    def try_better(self) -> None:
        """Try the models that are better than the one that serves, now: the operator wants it."""
        self._asked_to_climb.set()

    async def run(self) -> None:
        """Keeps a model running until cancelled, which ends every engine."""
        async with asyncio.TaskGroup() as lives:
            life = self._begin(lives, self._ladder.rung)
            while True:
                match await self._what_happens(life):
                    case _Event.OVER:
                        await self._pause_after(life)
                        life = self._begin(lives, self._ladder.rung)
                    case _Event.ASLEEP:
                        await self._sleep(life)
                        life = self._begin(lives, self._ladder.rung)
                    case _Event.CLIMB:
                        life = await self._climb(lives, life)

    def _begin(self, lives: asyncio.TaskGroup, rung: int) -> Life:
        life = Life(
            rung,
            self.candidates[rung],
            clock=self._clock,
            patience=self._patience,
            on_serving=self._let_in,
            on_end=self._ended,
        )
        lives.create_task(life.run())
        return life

    async def _what_happens(self, life: Life) -> _Event:
        """What happens to a life next."""
        async with asyncio.TaskGroup() as tasks:
            events = [
                tasks.create_task(each)
                for each in (life.over.wait(), self._until_asleep(), self._until_climb(life))
            ]
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
            for event in events:
                event.cancel()
        if self._asleep:
            return _Event.ASLEEP
        return _Event.OVER if life.over.is_set() else _Event.CLIMB

    async def _pause_after(self, life: Life) -> None:
        """Until the next life is to begin."""
        delay = self._ladder.failed(served_seconds=life.served_seconds)
        self._ready_at = self._clock.now() + delay + self._usual_starts[self._ladder.rung]
        _log.info("engine.next", profile=self.candidates[self._ladder.rung].profile, start_in=delay)
        await asyncio.sleep(delay)

    async def _until_asleep(self) -> None:
        """Returns when the model has fallen asleep, which is never where it may not."""
        if self._habits.unload is None:
            await asyncio.Event().wait()
            return
        while not self._asleep:
            if self._current is None or self._busy():
                self._used_at = self._clock.now()
            left = self._used_at + self._habits.unload - self._clock.now()
            if left > 0.0:
                await asyncio.sleep(left)
            else:
                self._fall_asleep()

    def _fall_asleep(self) -> None:
        self._current = None
        self._asleep = True
        self._woken.clear()
        self._settled.clear()
        self._metrics.happened(EngineEvent.UNLOADED, self.candidates[self._ladder.rung])
        self._tell(serving=True, why=_ASLEEP)

    async def _sleep(self, life: Life) -> None:
        """Ends the engine; returns when somebody wants it."""
        life.retire()
        await life.over.wait()
        await self._woken.wait()

    def _wake(self) -> None:
        self._asleep = False
        self._waking = True
        self._ready_at = self._clock.now() + self._usual_starts[self._ladder.rung]
        self._woken.set()
        self._metrics.happened(EngineEvent.WOKEN, self.candidates[self._ladder.rung])
        self._tell(serving=True, why=_WAKING)

    async def _until_climb(self, life: Life) -> None:
        """Returns when the better models are to be tried beside that one."""
        await life.settled.wait()
        while True:
            left = self._ladder.climb_at - self._clock.now()
            if left <= 0.0 and not self._busy():
                return
            try:
                async with asyncio.timeout(
                    None if left == math.inf else max(left, _IDLE_LOOK_SECONDS)
                ):
                    await self._asked_to_climb.wait()
            except TimeoutError:
                continue
            self._asked_to_climb.clear()
            if self._current is not None and self._current.rung > 0:
                return

    async def _climb(self, lives: asyncio.TaskGroup, life: Life) -> Life:
        """Tries the better models beside that one, best first; the life that goes on."""
        for rung in range(life.rung):
            better = self._begin(lives, rung)
            await better.settled.wait()
            if better.serving is not None:
                self._metrics.happened(EngineEvent.REPLACED, life.candidate)
                life.retire()
                return better
        self._ladder.climb_failed(now=self._clock.now())
        return life

    def _let_in(self, serving: Serving, *, took: float) -> None:
        self._current = serving
        self._known = serving.opened.model
        self._waking = False
        self._usual_starts[serving.rung] = took
        self._metrics.started(serving.candidate, took=took)
        self._ladder.serves(serving.rung, now=self._clock.now())
        _log.info(
            "engine.serving",
            profile=serving.candidate.profile,
            model=serving.opened.model.name,
            start_seconds=round(took, 3),
        )
        self._on_serving(serving)
        why = f"{_ANSWERS}; {serving.candidate.why}" if serving.candidate.why else _ANSWERS
        if serving.rung:
            here, best = serving.candidate.profile, self.candidates[0].profile
            why = f"profile {here} is served instead of {best}: {self._best_failed}"
        self._tell(serving=True, why=why)
        self._settled.set()

    def _ended(self, life: Life, *, why: str) -> None:
        """Nobody is let into that life any more."""
        _log.info("engine.ended", profile=life.candidate.profile, why=why)
        if not life.retired:
            failed = life.served_seconds is None
            self._metrics.happened(
                EngineEvent.FAILED if failed else EngineEvent.DIED, life.candidate
            )
        if life.rung == 0:
            self._best_failed = why
        if life.retired or (self._current is not None and self._current.rung != life.rung):
            return
        self._current = None
        self._waking = False
        self._tell(serving=False, why=why)
        self._settled.set()

    def _busy(self) -> bool:
        load = self.load()
        return load.running + load.waiting > 0

    def _tell(self, *, serving: bool, why: str) -> None:
        self._why = why
        self._on_change(serving=serving, why=why)
