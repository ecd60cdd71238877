"""Runs a schedule: builds a router of the real parts, sends the callers, writes the story."""

import asyncio
import itertools
import math
from random import Random
from typing import cast

from failsoft_kit.clock import LoopClock
from failsoft_kit.deadline import Deadline
from failsoft_kit.testing import virtual_time
from failsoft_model.events import Delta, Event, Finished, HopUpdate, Started, StreamReset
from failsoft_router.app.board import Board
from failsoft_router.app.walk import Caller, Surroundings
from failsoft_router.app.walker import Walker
from failsoft_router.core.breaker import Breaker, Result
from failsoft_router.core.errors import WalkError
from failsoft_router.ports import Keeping, StoredAnswer, TargetCall
from simulation.cache import SimulatedCache
from simulation.drawing import draw_schedule
from simulation.schedule import PlannedRequest, Schedule
from simulation.story import Asked, Call, Stored, Story
from simulation.targets import SimulatedTarget
from simulation.watched import EndedSpans, WatchedBreaker, WatchedTracer, asking

GRACE = 0.001
"""Seconds after a caller's deadline at which the front door cuts its walk off."""


def simulate(seed: int) -> Story:
    """The story of one seed; a run that hung or left tasks behind says so in `failure`."""
    schedule = draw_schedule(seed)
    story = Story(schedule)
    try:
        virtual_time.run(_World(schedule, story).run(), start=schedule.start)
    except AssertionError as failure:
        story.failure = str(failure)
    return story


class Key:
    """A credential that is there, or is not."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def value(self) -> str | None:
        """See `ports.Credential`."""
        return self._value


class _World:
    """A router in one schedule; `run` it inside a loop of virtual time."""

    def __init__(self, schedule: Schedule, story: Story) -> None:
        self._schedule = schedule
        self._story = story
        self._clock = LoopClock()
        self._draw = Random(schedule.seed)
        self._walks: dict[str, Asked] = {}
        self._ids = map("w{}".format, itertools.count(1))

    async def run(self) -> None:
        """Let every caller come and go, then look at what is left."""
        board, tracer = self._board(), self._tracer()
        walker = Walker(
            Surroundings(
                board=board,
                cache=self._cache(),
                tracer=tracer,
                clock=self._clock,
                draw=self._draw.random,
                new_id=self._new_id,
            )
        )
        async with asyncio.TaskGroup() as callers:
            for planned in self._schedule.requests:
                await asyncio.sleep(self._schedule.start + planned.at - self._clock.now())
                callers.create_task(self._ask(walker, tracer, planned))
        await self._try_every_target_once_more(board)
        await board.close()

    def _board(self) -> Board:
        policy, schedule = self._schedule.policy, self._schedule
        board = Board(
            policy,
            targets={name: self._target(name) for name in policy.targets},
            credentials={
                name: Key(None if name in schedule.keyless else f"key of {name}")
                for name, target in policy.targets.items()
                if target.credential is not None
            },
            clock=self._clock,
        )
        watched: dict[int, WatchedBreaker] = {}
        for place in board.places():
            name, breaker = place.policy.name, place.breaker
            if id(breaker) not in watched:
                watched[id(breaker)] = WatchedBreaker(breaker, name, story=self._story)
            self._story.breaker_of[name] = watched[id(breaker)].name
            place.breaker = cast("Breaker", watched[id(breaker)])
        return board

    def _target(self, name: str) -> SimulatedTarget:
        def called(call: TargetCall) -> Call:
            asked = self._walks[call.attempt_id.partition("/")[0]]
            now = self._clock.now()
            acts = self._schedule.weather[name].at(now - self._schedule.start)
            draw = Random(f"{self._schedule.seed}?{call.attempt_id}")
            written = Call(
                target=name,
                attempt_id=call.attempt_id,
                asked=asked,
                act=draw.choice(acts),
                leave=asked.leave_of(self._story.breaker_of[name]),
                began=now,
                connect=call.connect,
                total=call.total,
            )
            asked.calls.append(written)
            self._story.calls.append(written)
            self._note_call(written, "is called, and {}", written.act)
            return written

        return SimulatedTarget(
            seed=self._schedule.seed,
            limits=self._schedule.policy.targets[name].limits,
            belt=self._schedule.weather[name].belt,
            clock=self._clock,
            called=called,
            note=self._note_call,
        )

    def _note_call(self, call: Call, what: str, *values: object) -> None:
        who = f"  {call.asked.planned.name}"
        self._story.note(
            self._clock.now(), who, f"{{}} ({{}}) {what}", call.target, call.attempt_id, *values
        )

    def _cache(self) -> SimulatedCache | None:
        if self._schedule.cache is None:
            return None

        def stored(answer: StoredAnswer, keeping: Keeping) -> None:
            now = self._clock.now()
            self._story.stored.append(
                Stored(at=now, asked=asking.get(), answer=answer, keeping=keeping)
            )

        return SimulatedCache(self._schedule.cache, clock=self._clock, stored=stored)

    def _tracer(self) -> WatchedTracer:
        story = self._story
        return WatchedTracer(
            clock=self._clock, sink=EndedSpans(story), started=story.spans_started.append
        )

    def _new_id(self) -> str:
        walk_id = next(self._ids)
        asked = asking.get()
        if asked is not None:
            asked.walk_id = walk_id
            self._walks[walk_id] = asked
        return walk_id

    async def _ask(self, walker: Walker, tracer: WatchedTracer, planned: PlannedRequest) -> None:
        now, loop = self._clock.now(), asyncio.get_running_loop()
        deadline = Deadline.after(planned.within, now=now)
        span = tracer.start("caller")
        asked = Asked(
            planned=planned, began=now, deadline=deadline.at, trace_id=span.context.trace_id
        )
        asking.set(asked)
        self._story.asked.append(asked)
        self._story.note(now, planned.name, *_question(planned))
        timers = [
            loop.call_at(at, self._hang_up, asked, asyncio.current_task(), cut_off)
            for at, cut_off in (
                (deadline.at + GRACE, True),
                (now + (math.inf if planned.patience is None else planned.patience), False),
            )
            if at < math.inf
        ]
        caller = Caller(tenant=planned.tenant, deadline=deadline, span=span)
        try:
            if planned.streamed:
                await walker.stream(planned.request, caller, lambda event: self._read(asked, event))
            else:
                asked.answer = await walker.answer(planned.request, caller)
        except WalkError as error:
            asked.error = error
        except Exception as error:
            asked.crash = error
        finally:
            asked.ended = self._clock.now()
            span.end()
            for timer in timers:
                timer.cancel()
            self._story.note(asked.ended, planned.name, *_ending(asked))

    def _hang_up(self, asked: Asked, task: "asyncio.Task[None] | None", cut_off: bool) -> None:
        asked.left_at, asked.cut_off = self._clock.now(), cut_off
        self._story.note(asked.left_at, asked.planned.name, "hangs up")
        if task is not None:
            task.cancel()

    async def _read(self, asked: Asked, event: Event) -> None:
        now = self._clock.now()
        asked.events.append((now, event))
        match event:
            case Delta() | StreamReset():
                asked.held.take(event)
                if isinstance(event, StreamReset):
                    self._story.note(now, asked.planned.name, "is told to forget what it read")
            case HopUpdate(hop=hop):
                reason = hop.skip_reason or hop.error_class
                words = (hop.position, hop.target, hop.outcome, "" if reason is None else reason)
                self._story.note(now, asked.planned.name, "hop {}: {} {} {}", *words)
            case Started() | Finished():
                pass
        if asked.planned.pause:
            await asyncio.sleep(asked.planned.pause)
            asked.read_for += self._clock.now() - now

    async def _try_every_target_once_more(self, board: Board) -> None:
        """Once every open time is over, each target has to be tried again."""
        caps = [target.breaker.open_cap for target in self._schedule.policy.targets.values()]
        await asyncio.sleep(max(caps) + 1.0)
        for place in board.places():
            now = self._clock.now()
            permit = place.breaker.ask(now)
            if permit is None:
                self._story.lost.append(place.policy.name)
            else:
                place.breaker.record(permit, Result.NO_EVIDENCE, now=now, draw=0.5)


def _question(planned: PlannedRequest) -> tuple[object, ...]:
    how = "streamed" if planned.streamed else "unary"
    return (
        "asks ({}, tenant {}, model {}, deadline {}, reads with pauses of {} s)",
        how,
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
