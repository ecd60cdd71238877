"""The models of this process as callers meet them: which one answers, or why none does.

While a lower one serves the better ones are tried beside it, when nobody asks for anything or when
the operator wants it; one that is ready takes over, and the lower one ends when it has answered
those whom it answers. So nobody waits for a model that cannot be loaded.

A model that nobody asks for may be unloaded, and the next request wakes it. Who asks while there
is no engine is told why, and when there will probably be one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry import Meter
from failsoft_local_llm.app.life import Life, Patience, Serving
from failsoft_local_llm.app.metrics import EngineMetrics
from failsoft_local_llm.app.succession import Habits, Succession
from failsoft_local_llm.core.errors import EngineUnavailable
from failsoft_local_llm.core.lives import EngineEvent
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.core.standing import Standing, State
from failsoft_local_llm.core.status import Status
from failsoft_local_llm.ports import Candidate
from failsoft_model.walk import Load

_log: FilteringBoundLogger = structlog.get_logger()

_ANSWERS = "the model has answered a first question"


class OnChange(Protocol):
    """Is told whether callers are let in, and why, in words for the operator."""

    def __call__(self, *, serving: bool, why: str) -> None: ...


class OnServing(Protocol):
    """Is told of each model that begins to answer."""

    def __call__(self, serving: Serving) -> None: ...


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
        self._on_change = on_change
        self._on_serving = on_serving
        self._metrics = EngineMetrics(meter, candidates=candidates)
        self._metrics.watch(lambda: self.answering)
        self._standing = Standing(len(candidates), now=clock.now())
        self._succession = Succession(
            candidates,
            clock=clock,
            patience=patience,
            habits=habits,
            standing=self._standing,
            busy=self._busy,
            observer=self,
        )
        self._current: Serving | None = None
        """The model that answers; None in every state but SERVING."""
        self._known = candidates[0].known
        self._best_failed = ""
        self._awake = asyncio.Event()
        """Not set while a request that wakes the model has to wait."""

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
            raise self.unavailable(self._standing.why)
        self._succession.used()
        return self._current

    async def awake(self, *, until: float) -> Serving:
        """The model that answers now; one that was unloaded is loaded first.

        Args:
            until: When it is of no use any more, on the clock's `now`; may be `math.inf`.

        Raises:
            EngineUnavailable: as by `serving`; or there would probably be none in time. What was
                unloaded is being loaded then all the same.
        """
        if self._standing.state is State.ASLEEP:
            self._wake()
        if self._standing.state is State.WAKING and self._standing.ready_at <= until:
            await self._awake.wait()
        return self.serving()

    def unavailable(self, why: str) -> EngineUnavailable:
        """What callers are told who meet no engine, or one that has just died."""
        return EngineUnavailable(why, retry_after=self._standing.retry_after(now=self._clock.now()))

    def load(self) -> Load:
        """How busy the engine is; nothing at all while there is none."""
        return Load() if self._current is None else self._current.engine.load()

    def status(self) -> Status:
        """What is served now, and why."""
        candidate = self.candidates[self._succession.rung]
        current = self._current
        return Status(
            state=self._standing.state,
            why=self._standing.why,
            answered_by="" if current is None else current.opened.model.name,
            degraded=current is not None and current.rung > 0,
            profile=candidate.profile,
            engine=candidate.engine,
        )

    def try_better(self) -> None:
        """Try the models that are better than the one that serves, now: the operator wants it."""
        self._succession.try_better()

    async def run(self) -> None:
        """Keeps a model running until cancelled, which ends every engine."""
        await self._succession.run()

    def answers(self, serving: Serving, *, took: float) -> None:
        """See `succession.Observer`."""
        self._current = serving
        self._known = serving.opened.model
        self._metrics.started(serving.candidate, took=took)
        _log.info(
            "engine.serving",
            **_named(serving.candidate),
            degraded=serving.rung > 0,
            start_seconds=round(took, 3),
        )
        self._on_serving(serving)
        self._standing.answers(serving.rung, took=took, why=self._why_it_serves(serving))
        self._tell()

    def ends(self, life: Life, *, why: str) -> None:
        """See `succession.Observer`."""
        event = EngineEvent.DIED if life.has_served else EngineEvent.FAILED
        self._metrics.happened(event, life.candidate)
        if event is EngineEvent.DIED:
            _log.warning("engine.died", why=why, **_named(life.candidate))
        else:
            _log.warning("engine.failed", why=why, **_named(life.candidate))
        if life.rung == 0:
            self._best_failed = why
        if self._current is not None and self._current.rung != life.rung:
            return
        self._current = None
        self._standing.fails(self._succession.rung, now=self._clock.now(), why=why)
        self._tell()

    def replaced(self, life: Life) -> None:
        """See `succession.Observer`."""
        self._metrics.happened(EngineEvent.REPLACED, life.candidate)
        _log.info("engine.replaced", **_named(life.candidate))

    def fell_asleep(self, life: Life) -> None:
        """See `succession.Observer`."""
        self._current = None
        self._metrics.happened(EngineEvent.UNLOADED, life.candidate)
        _log.info("engine.unloaded", **_named(life.candidate))
        self._standing.falls_asleep()
        self._tell()

    def _wake(self) -> None:
        rung = self._succession.rung
        self._metrics.happened(EngineEvent.WOKEN, self.candidates[rung])
        _log.info("engine.woken", **_named(self.candidates[rung]))
        self._standing.wakes(rung, now=self._clock.now())
        self._tell()
        self._succession.stir()

    def _why_it_serves(self, serving: Serving) -> str:
        candidate = serving.candidate
        if serving.rung:
            best = self.best.profile
            return f"profile {candidate.profile} is served instead of {best}: {self._best_failed}"
        return f"{_ANSWERS}; {candidate.why}" if candidate.why else _ANSWERS

    def _busy(self) -> bool:
        load = self.load()
        return load.running + load.waiting > 0

    def _tell(self) -> None:
        """Those who wait for the model, and those who watch it."""
        state, why = self._standing.state, self._standing.why
        if state is State.WAKING:
            self._awake.clear()
        else:
            self._awake.set()
        self._on_change(serving=state.lets_in, why=why)


def _named(candidate: Candidate) -> Mapping[str, str]:
    """Which model it is, in every line of the log alike."""
    return {"profile": candidate.profile, "model": candidate.name, "engine": candidate.engine}
