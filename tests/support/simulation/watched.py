"""The router's own parts, with somebody looking over their shoulder."""

from collections.abc import Callable
from contextvars import ContextVar

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.span import Attributes, Kind, Sink, Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.walk import ErrorClass
from failsoft_router.core.breaker import Breaker, Permit, Result
from simulation.story import Asked, Leave, Look, Story

asking: ContextVar[Asked | None] = ContextVar("asking", default=None)
"""Whose walk the running task works for."""


class WatchedBreaker:
    """Hands everything on to a breaker, and writes down who had leave and what came of it."""

    def __init__(self, breaker: Breaker, name: str, *, story: Story) -> None:
        self._breaker = breaker
        self.name = name
        self._story = story
        self._out: dict[int, Leave] = {}
        self._kept: list[Permit] = []  # so that no two of them ever have one id
        self._looks = story.looks.setdefault(name, [])

    def __getattr__(self, name: str) -> object:
        return getattr(self._breaker, name)

    def ask(self, now: float) -> Permit | None:
        """See `Breaker.ask`."""
        permit = self._breaker.ask(now)
        self._look(now, None)
        return permit if permit is None else self._given(permit, now)

    def force(self, now: float) -> Permit | None:
        """See `Breaker.force`."""
        permit = self._breaker.force(now)
        return permit if permit is None else self._given(permit, now)

    def record_early(self, permit: Permit, *, now: float) -> Permit:
        """See `Breaker.record_early`."""
        leave = self._out[id(permit)]
        judged = self._breaker.record_early(permit, now=now)
        if judged is not permit:
            leave.judged = now
            self._kept.append(judged)
            self._out[id(judged)] = leave
        self._look(now, Result.OK, forced=permit.forced)
        return judged

    def record(
        self,
        permit: Permit,
        result: Result,
        *,
        now: float,
        draw: float,
        error_class: ErrorClass | None = None,
        slow: bool = False,
    ) -> None:
        """See `Breaker.record`."""
        leave = self._out[id(permit)]
        leave.returned, leave.result, leave.returns = now, result, leave.returns + 1
        leave.slow = slow
        self._breaker.record(permit, result, now=now, draw=draw, error_class=error_class, slow=slow)
        self._look(now, result, slow=slow, forced=permit.forced)

    def _given(self, permit: Permit, now: float) -> Permit:
        self._kept.append(permit)
        asked = asking.get()
        leave = Leave(breaker=self.name, asked=asked, permit=permit, given=now)
        self._out[id(permit)] = leave
        self._story.leaves.append(leave)
        if asked is not None:
            asked.leaves.append(leave)
        if permit.probe:
            self._story.note(now, self.name, "lets {} probe", _who(asked))
        return permit

    def _look(
        self, now: float, after: Result | None, *, slow: bool = False, forced: bool = False
    ) -> None:
        breaker, looks = self._breaker, self._looks
        state, due_in = breaker.state, breaker.due_in(now)
        if not looks or looks[-1].state is not state:
            self._story.note(now, self.name, "is {}, due in {} s", state, due_in)
        looks.append(
            Look(
                at=now,
                state=state,
                due=now + due_in,
                after=after,
                slow=slow,
                forced=forced,
            )
        )


class WatchedTracer(Tracer):
    """Writes down which spans were started; its sink knows which ended."""

    __slots__ = ("_started",)

    def __init__(self, *, clock: Clock, sink: Sink, started: Callable[[Span], None]) -> None:
        super().__init__(clock=clock, sink=sink)
        self._started = started

    def start(
        self,
        name: str,
        *,
        kind: Kind = Kind.INTERNAL,
        parent: SpanContext | Span | None = None,
        attributes: Attributes | None = None,
    ) -> Span:
        """See `Tracer.start`."""
        span = super().start(name, kind=kind, parent=parent, attributes=attributes)
        self._started(span)
        return span


class EndedSpans:
    """A sink that writes down which spans ended."""

    def __init__(self, story: Story) -> None:
        self._ended = story.spans_ended

    def record(self, span: Span) -> None:
        """See `Sink`."""
        self._ended.append(span)


def _who(asked: Asked | None) -> str:
    return "somebody" if asked is None else asked.planned.name
