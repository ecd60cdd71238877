"""Which engines run: one that serves or is to, and at times a better one that is tried beside it.

Each time that something has happened, or may be due, it looks at how things are and does what
follows from that; nothing is decided on what was the case a moment ago.

    the engine has gone --> the ladder's next one is started, after the ladder's delay
    nobody asks for the model --> it is retired, and started again when it is woken
    better ones are due, or the operator wants them --> the best is tried beside the engine
    the one that is tried answers --> it goes on, the other is retired
    it cannot be loaded --> the next better one is tried, until there is none
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_local_llm.app.life import Life, Patience, Serving
from failsoft_local_llm.core.ladder import Ladder
from failsoft_local_llm.core.standing import Standing, State
from failsoft_local_llm.ports import Candidate

_log: FilteringBoundLogger = structlog.get_logger()

_BUSY_LOOK_SECONDS = 1.0
"""How often it looks whether a model still has work that is better left alone then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """When something is done of our own accord. Seconds."""

    retry: float
    """How long a lower model serves before the better ones are tried again."""
    unload: float | None = None
    """How long nobody asks for anything before the model is unloaded; None: it never is."""


class Observer(Protocol):
    """Is told of all that happens."""

    def answers(self, serving: Serving, *, took: float) -> None:
        """That model answers from now on; its start took so many seconds."""

    def ends(self, life: Life, *, why: str) -> None:
        """An engine has died or cannot be loaded."""

    def replaced(self, life: Life) -> None:
        """A better one answers in place of that."""

    def fell_asleep(self, life: Life) -> None:
        """It is being unloaded, because nobody asks for it."""


class Succession:
    """Runs the engines of this process, one after the other."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        *,
        clock: Clock,
        patience: Patience,
        habits: Habits,
        standing: Standing,
        busy: Callable[[], bool],
        observer: Observer,
    ) -> None:
        """
        Args:
            busy: Whether the engine that answers has anything to do.
        """
        self._candidates = candidates
        self._clock = clock
        self._patience = patience
        self._habits = habits
        self._standing = standing
        self._busy = busy
        self._observer = observer
        self._ladder = Ladder(len(candidates), retry_seconds=habits.retry)
        self._life: Life | None = None
        """The one that goes on; None: it is to be started, but for a model that sleeps."""
        self._trial: Life | None = None
        """A better one that is being loaded beside it."""
        self._start_at = clock.now()
        self._used_at = clock.now()
        self._better_wanted = False
        self._stirred = asyncio.Event()

    @property
    def rung(self) -> int:
        """The model that serves or is to be started."""
        return self._ladder.rung

    def used(self) -> None:
        """Somebody asks for the model."""
        self._used_at = self._clock.now()

    def stir(self) -> None:
        """Something has happened: look again."""
        self._stirred.set()

    def try_better(self) -> None:
        """Try the models that are better than the one that serves, now; nothing if none does."""
        serves = self._life is not None and self._life.serving is not None
        self._better_wanted = serves and self._trial is None
        self.stir()

    async def run(self) -> None:
        """Keeps a model running until cancelled, which ends every engine."""
        async with asyncio.TaskGroup() as engines:
            while True:
                self._stirred.clear()
                left = self._look(engines)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if left == math.inf else left):
                        await self._stirred.wait()

    def serves(self, serving: Serving, *, took: float) -> None:
        """See `life.Watcher`."""
        self._ladder.serves(serving.rung, now=self._clock.now())
        self.used()
        self._observer.answers(serving, took=took)

    def ends(self, life: Life, *, why: str) -> None:
        """See `life.Watcher`."""
        self._observer.ends(life, why=why)

    def turns(self) -> None:
        """See `life.Watcher`."""
        self.stir()

    def _look(self, engines: asyncio.TaskGroup) -> float:
        """Does what is due; seconds until more may be, if nothing happens before."""
        if self._trial is not None and self._trial.settled:
            self._judge(self._trial, engines)
        if self._life is not None and self._life.over:
            self._follow(self._life)
        if self._life is None:
            return self._start_when_due(engines)
        if self._trial is not None or self._life.serving is None or self._life.retired:
            return math.inf
        return min(self._sleep_when_due(self._life), self._climb_when_due(self._life, engines))

    def _judge(self, trial: Life, engines: asyncio.TaskGroup) -> None:
        """What follows from a trial that has answered, or has failed to."""
        self._trial = None
        if trial.has_served:
            if self._life is not None:
                if self._life.serving is not None:
                    self._observer.replaced(self._life)
                self._life.retire()
            self._life = trial
        elif trial.rung + 1 < self._ladder.rung:
            self._trial = self._begin(trial.rung + 1, engines)
        else:
            self._ladder.climb_failed(now=self._clock.now())

    def _follow(self, life: Life) -> None:
        """What follows from a life that is over."""
        now = self._clock.now()
        self._life, self._start_at = None, now
        if life.retired:
            return
        delay = self._ladder.failed(served_seconds=life.served_seconds)
        if self._trial is not None and self._ladder.rung < life.rung:
            self._life, self._trial = self._trial, None
            self._ladder.rung = self._life.rung
            return
        self._start_at += delay
        self._standing.starts(self._ladder.rung, at=self._start_at)
        profile = self._candidates[self._ladder.rung].profile
        _log.info("engine.next", profile=profile, start_in=delay)

    def _start_when_due(self, engines: asyncio.TaskGroup) -> float:
        if self._standing.state is State.ASLEEP:
            return math.inf
        left = self._start_at - self._clock.now()
        if left <= 0.0:
            self._life = self._begin(self._ladder.rung, engines)
        return left if left > 0.0 else math.inf

    def _sleep_when_due(self, life: Life) -> float:
        if self._habits.unload is None:
            return math.inf
        if self._busy():
            self.used()
        left = self._used_at + self._habits.unload - self._clock.now()
        if left > 0.0:
            return left
        life.retire()
        self._observer.fell_asleep(life)
        return math.inf

    def _climb_when_due(self, life: Life, engines: asyncio.TaskGroup) -> float:
        wanted, self._better_wanted = self._better_wanted, False
        if life.rung == 0 or life.retired:
            return math.inf
        left = self._ladder.climb_at - self._clock.now()
        if wanted or (left <= 0.0 and not self._busy()):
            self._trial = self._begin(0, engines)
            return math.inf
        return max(left, _BUSY_LOOK_SECONDS)

    def _begin(self, rung: int, engines: asyncio.TaskGroup) -> Life:
        life = Life(
            rung,
            self._candidates[rung],
            clock=self._clock,
            patience=self._patience,
            watcher=self,
        )
        life.begin(engines)
        return life
