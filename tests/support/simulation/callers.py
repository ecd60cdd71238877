"""The callers of a schedule: they ask, read at their own pace, wait and hang up."""

import asyncio
import math

from failsoft_kit.clock import Clock
from failsoft_kit.deadline import Deadline
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.events import Delta, Event, Finished, HopUpdate, Started, StreamReset
from failsoft_router.app.hops.surroundings import Caller
from failsoft_router.app.walks.walker import Walker
from failsoft_router.core.errors import WalkError
from simulation.schedule import PlannedRequest
from simulation.story import Asked, Story
from simulation.watched import asking

GRACE = 0.001
"""Seconds after a caller's deadline at which the front door cuts its walk off."""


class Callers:
    """Everybody who asks one router."""

    def __init__(self, walker: Walker, story: Story, *, tracer: Tracer, clock: Clock) -> None:
        self._walker = walker
        self._story = story
        self._tracer = tracer
        self._clock = clock

    async def ask(self, planned: PlannedRequest) -> None:
        """One request, from its beginning to its end; what came of it is in the story."""
        now = self._clock.now()
        deadline = Deadline.after(planned.within, now=now)
        span = self._tracer.start("caller")
        asked = Asked(
            planned=planned, began=now, deadline=deadline.at, trace_id=span.context.trace_id
        )
        asking.set(asked)
        self._story.asked.append(asked)
        self._story.note(now, planned.name, *_question(planned))
        timers = self._timers(asked)
        try:
            await self._walk(asked, Caller(tenant=planned.tenant, deadline=deadline, span=span))
        finally:
            asked.ended = self._clock.now()
            span.end()
            for timer in timers:
                timer.cancel()
            self._story.note(asked.ended, planned.name, *_ending(asked))

    async def _walk(self, asked: Asked, caller: Caller) -> None:
        request = asked.planned.request
        try:
            if asked.planned.streamed:
                await self._walker.stream(request, caller, lambda event: self._read(asked, event))
            else:
                asked.answer = await self._walker.answer(request, caller)
        except WalkError as error:
            asked.error = error
        except Exception as error:
            asked.crash = error

    def _timers(self, asked: Asked) -> list[asyncio.TimerHandle]:
        """When its patience ends, and when the front door cuts it off."""
        loop, patience = asyncio.get_running_loop(), asked.planned.patience
        hang_ups = (
            (asked.deadline + GRACE, True),
            (math.inf if patience is None else asked.began + patience, False),
        )
        task = asyncio.current_task()
        return [
            loop.call_at(at, self._hang_up, asked, task, cut_off)
            for at, cut_off in hang_ups
            if at < math.inf
        ]

    def _hang_up(self, asked: Asked, task: "asyncio.Task[None] | None", cut_off: bool) -> None:
        asked.left_at, asked.cut_off = self._clock.now(), cut_off
        self._story.note(asked.left_at, asked.planned.name, "hangs up")
        if task is not None:
            task.cancel()

    async def _read(self, asked: Asked, event: Event) -> None:
        now, name = self._clock.now(), asked.planned.name
        asked.events.append((now, event))
        match event:
            case Delta():
                asked.held.take(event)
            case StreamReset():
                asked.held.take(event)
                self._story.note(now, name, "is told to forget what it read")
            case HopUpdate(hop=hop):
                why = hop.skip_reason or hop.error_class or ""
                words = (hop.position, hop.target, hop.outcome, why)
                self._story.note(now, name, "hop {}: {} {} {}", *words)
            case Started() | Finished():
                pass
        if asked.planned.pause:
            await asyncio.sleep(asked.planned.pause)
            asked.read_for += self._clock.now() - now


def _question(planned: PlannedRequest) -> tuple[object, ...]:
    return (
        "asks ({}, tenant {}, model {}, deadline {}, reads with pauses of {} s)",
        "streamed" if planned.streamed else "unary",
        planned.tenant,
        planned.request.model,
        "none" if planned.within is None else planned.within,
        planned.pause,
    )


def _ending(asked: Asked) -> tuple[object, ...]:
    if asked.crash is not None:
        return "crashes: {}", repr(asked.crash)
    if asked.error is not None:
        return "is told {}: {}", asked.error.reason, asked.error
    finished = asked.finished
    if finished is None:
        return ("gets nothing",)
    return "is served by {} ({})", finished.served_by, finished.degradation
