"""Lets requests wait before the engine for as long as the door says.

A place is taken before anything is done for a request, so that whoever finds none costs next to
nothing, and handed back however it ends; what it takes of the engine is measured meanwhile.
The waiting is a span, which ends when the engine is asked, or with the request before that.
"""

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry import Meter, Span, Tracer
from failsoft_local_llm import telemetry
from failsoft_local_llm.app.metrics import QueueMetrics
from failsoft_local_llm.core.admission.door import Door, Limits
from failsoft_local_llm.core.admission.overload import Overload
from failsoft_local_llm.core.admission.pace import Used
from failsoft_local_llm.core.admission.ticket import Claim, Refusal, Stage, Ticket, Work
from failsoft_local_llm.core.admission.watch import Watch
from failsoft_local_llm.core.frequency import Frequency
from failsoft_model.walk import Load

_log: FilteringBoundLogger = structlog.get_logger()


class Place:
    """One request's place, before the door or behind it."""

    def __init__(
        self,
        ticket: Ticket,
        *,
        span: Span,
        clock: Clock,
        metrics: QueueMetrics,
        frequency: Frequency,
    ) -> None:
        self.ticket = ticket
        self.changed = asyncio.Event()
        """Set when the ticket has got another stage since it was cleared."""
        self.span = span
        """Of its waiting."""
        self._clock = clock
        self._metrics = metrics
        self._frequency = frequency
        self._came_at = clock.now()
        self._watch: Watch | None = None

    def begin(self, *, compiles: bool) -> None:
        """The engine is asked from now on.

        Args:
            compiles: It has to compile a form first.
        """
        now = self._clock.now()
        self._metrics.waited(now - self._came_at)
        self.span.set(telemetry.QUEUE_WAIT, now - self._came_at)
        self.span.end()
        self._watch = Watch(compiles=compiles, now=now)

    def heard(self, tokens: int, *, last: bool) -> None:
        """The engine that was asked has said something; may hold no tokens."""
        now = self._clock.now()
        self._frequency.add(tokens, now=now)
        if self._watch is not None:
            self._watch.heard(tokens, last=last, now=now)

    def wanted(self) -> None:
        """The caller has taken what was said so far."""
        if self._watch is not None:
            self._watch.wanted(now=self._clock.now())

    @property
    def used(self) -> Used | None:
        """What it has taken of the engine until now; None: it has got nothing of it."""
        return None if self._watch is None else self._watch.used


class Entrance:
    """The door, and those who wait at it."""

    def __init__(self, limits: Limits, *, clock: Clock, meter: Meter, tracer: Tracer) -> None:
        self._door = Door(limits)
        self._clock = clock
        self._tracer = tracer
        self._metrics = QueueMetrics(meter)
        self._waiting: dict[Ticket, Place] = {}
        self._frequency = Frequency()
        self._overload = Overload()

    @contextmanager
    def place(self, claim: Claim, *, engine: Load) -> Iterator[Place]:
        """A place for one request, for as long as the block lasts; `turn` waits until it is inside.

        Args:
            engine: Its own load; it may still hold requests whose callers have gone.

        Raises:
            Overloaded: there is none, or it would be of no use.
        """
        held = max(0, engine.running + engine.waiting - self._door.running)
        with self._waiting_span(claim) as span:
            ticket, others = self._door.enter(claim, now=self._clock.now(), held=held)
            self._tell(others)
            if ticket.expected_wait is not None:
                span.set(telemetry.QUEUE_EXPECTED_WAIT, ticket.expected_wait)
            place = Place(
                ticket,
                span=span,
                clock=self._clock,
                metrics=self._metrics,
                frequency=self._frequency,
            )
            self._raise_if_refused(place)
            self._waiting[ticket] = place
            try:
                yield place
            finally:
                del self._waiting[ticket]
                self._tell(self._door.leave(ticket, now=self._clock.now(), used=place.used))

    async def turn(self, place: Place, work: Work) -> None:
        """Returns when the engine may be asked; the work is what the request really is.

        Raises:
            Overloaded: it was sent away while it waited, or its time is over.
        """
        ticket = place.ticket
        self._tell(self._door.amend(ticket, work, now=self._clock.now()))
        while ticket.stage is Stage.WAITING:
            place.changed.clear()
            left = ticket.latest_start - self._clock.now()
            try:
                async with asyncio.timeout(None if left == math.inf else left):
                    await place.changed.wait()
            except TimeoutError:
                self._tell(self._door.give_up(ticket, now=self._clock.now()))
        self._raise_if_refused(place)
        if (past := self._overload.let_in(now=self._clock.now())) is not None:
            _log.info("queue.recovered", refused=past.refused, seconds=round(past.seconds, 3))

    def set_limits(self, limits: Limits) -> None:
        """Another engine has another room."""
        self._tell(self._door.set_limits(limits, now=self._clock.now()))

    def retry_after(self) -> float:
        """Seconds until a place is probably free."""
        return self._door.retry_after()

    def tokens_per_second(self) -> float:
        """Tokens of all answers together, lately."""
        return self._frequency.rate(now=self._clock.now())

    def load(self, engine: Load) -> Load:
        """How busy both are: the engine by its own word, and those who wait for it.

        Who is inside counts also before the engine was asked, and as long as the caller still
        reads what an engine has said that is long done.
        """
        return replace(
            engine,
            running=max(engine.running, self._door.running),
            waiting=engine.waiting + self._door.waiting,
            running_tokens=self._door.working.tokens,
            waiting_tokens=self._door.waiting_tokens,
            capacity_tokens=self._door.token_room or 0,
        )

    def _tell(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            if (place := self._waiting.get(ticket)) is not None:
                place.changed.set()

    def _waiting_span(self, claim: Claim) -> Span:
        return self._tracer.start(
            telemetry.QUEUE, attributes={telemetry.CRITICALITY: claim.criticality.value}
        )

    def _raise_if_refused(self, place: Place) -> None:
        if (refusal := place.ticket.refusal) is not None:
            self._metrics.refused(refusal.reason)
            place.span.set(telemetry.QUEUE_REFUSAL, refusal.reason.value)
            self._note_overload(refusal)
            raise refusal.error()

    def _note_overload(self, refusal: Refusal) -> None:
        """One line for all that are refused; the metric counts them, each trace has its own."""
        if self._overload.refused(now=self._clock.now()):
            _log.warning(
                "queue.refusing",
                why=refusal.reason.value,
                running=self._door.running,
                waiting=self._door.waiting,
                retry_after=round(refusal.retry_after, 3),
            )
