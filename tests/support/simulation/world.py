"""Runs a schedule: builds a router of the real parts, sends the callers, writes the story."""

import asyncio
import itertools
from collections.abc import Callable
from random import Random

import structlog
from remembered import remembering

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter, NameRegistry
from failsoft_kit.testing import virtual_time
from failsoft_router import telemetry
from failsoft_router.app.hops.supervisor import Supervisor
from failsoft_router.app.hops.surroundings import Surroundings
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.app.walks.walker import Walker
from failsoft_router.ports import Keeping, StoredAnswer
from simulation.boards import Boarder
from simulation.cache import SimulatedCache
from simulation.callers import Callers
from simulation.drawing import draw_schedule
from simulation.schedule import Schedule
from simulation.story import Asked, Stored, Story
from simulation.watched import EndedSpans, WatchedTracer, asking

LONGEST = 20_000.0
"""Seconds after which a run is given up: somebody waits, or is talked to, for ever."""

AFTER_ALL = 4000.0
"""Seconds after which every gate has opened: the longest is shut for an hour."""


def simulate(seed: int) -> Story:
    """The story of one seed; a run that hung or left tasks behind says so in `failure`."""
    schedule = draw_schedule(seed)
    story = Story(schedule)
    try:
        with structlog.testing.capture_logs():
            virtual_time.run(_World(schedule, story).run(), start=schedule.start)
    except (AssertionError, TimeoutError) as failure:
        story.failure = str(failure) or "it goes on for ever"
    return story


class _World:
    """A router in one schedule; `run` it inside a loop of virtual time."""

    def __init__(self, schedule: Schedule, story: Story) -> None:
        self._schedule = schedule
        self._story = story
        self._clock = LoopClock()
        self._walks: dict[str, Asked] = {}
        self._ids = map("w{}".format, itertools.count(1))

    async def run(self) -> None:
        """Let every caller come and go, then look at what is left."""
        schedule, story = self._schedule, self._story
        boarder = Boarder(story, clock=self._clock, who=self._walks.__getitem__)
        names = NameRegistry(strict=True)
        names.register(telemetry.NAMES)
        metrics = Metrics(Meter(clock=self._clock, names=names), clock=self._clock)
        boards = Boards(schedule.policy, make=metrics.following(boarder.board))
        supervisor = Supervisor()
        tracer = WatchedTracer(
            clock=self._clock, sink=EndedSpans(story), started=story.spans_started.append
        )
        walker = Walker(
            Surroundings(
                boards=boards,
                supervisor=supervisor,
                cache=self._cache(),
                tracer=tracer,
                metrics=metrics,
                clock=self._clock,
                draw=Random(schedule.seed).random,
                new_id=self._new_id,
                explanations=remembering(self._clock),
            )
        )
        callers = Callers(walker, story, tracer=tracer, clock=self._clock)
        async with supervisor.owning(), asyncio.TaskGroup() as background:
            closing = background.create_task(boarder.connections.run())
            async with asyncio.timeout(LONGEST), asyncio.TaskGroup() as tasks:
                for at, happens in self._happenings(callers, boards, boarder, tasks):
                    await asyncio.sleep(schedule.start + at - self._clock.now())
                    happens()
            await asyncio.sleep(AFTER_ALL)
            boarder.look_at_what_is_left(boards.current)
            if supervisor.adopted:
                story.lost.append(f"{supervisor.adopted} probes run for ever")
            closing.cancel()
        await boarder.connections.close()

    def _happenings(
        self, callers: Callers, boards: Boards, boarder: Boarder, tasks: asyncio.TaskGroup
    ) -> list[tuple[float, Callable[[], object]]]:
        """Everything that is planned, in order of time."""

        def reload(number: int) -> None:
            boards.adopt(self._schedule.reloads[number].policy)
            self._story.note(self._clock.now(), "policy", "number {} is in force", number + 2)

        plans: list[tuple[float, Callable[[], object]]] = [
            (planned.at, lambda planned=planned: tasks.create_task(callers.ask(planned)))  # type: ignore[misc] # bound now
            for planned in self._schedule.requests
        ]
        plans += [
            (order.at, lambda order=order: boarder.isolate(boards.current, order))  # type: ignore[misc] # bound now
            for order in self._schedule.isolated
        ]
        plans += [
            (each.at, lambda number=number: reload(number))  # type: ignore[misc] # bound now
            for number, each in enumerate(self._schedule.reloads)
        ]
        return sorted(plans, key=lambda plan: plan[0])

    def _cache(self) -> SimulatedCache | None:
        if self._schedule.cache is None:
            return None

        def stored(answer: StoredAnswer, keeping: Keeping) -> None:
            now = self._clock.now()
            self._story.stored.append(
                Stored(at=now, asked=asking.get(), answer=answer, keeping=keeping)
            )

        return SimulatedCache(self._schedule.cache, clock=self._clock, stored=stored)

    def _new_id(self) -> str:
        walk_id = next(self._ids)
        asked = asking.get()
        if asked is not None:
            asked.walk_id = walk_id
            self._walks[walk_id] = asked
        return walk_id
