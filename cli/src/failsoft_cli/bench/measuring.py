"""One tier, from the start of its service to its figures."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import grpc

from failsoft_cli.bench.figures import Figures, Round, Seen, Speed, speed_of
from failsoft_cli.bench.service import (
    Kitchen,
    NotServing,
    Service,
    running_service,
    wait_until_serving,
)
from failsoft_cli.bench.tiers import Tier
from failsoft_cli.bench.usage import Usage, usage_of
from failsoft_client import FailsoftRpcError
from failsoft_client.aio import Client
from failsoft_kit.clock import Clock
from failsoft_kit.settings.types import format_duration

_ROUNDS = 3
_LOOK_SECONDS = 0.2
_OUT_OF_TIME = {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
"""A service that sees that a deadline cannot be met refuses at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is asked of each model.

    Attributes:
        tokens: The longest answer.
        limit: Seconds for all answers of one number of streams.
    """

    tokens: int
    limit: float


class NoFigures(Exception):
    """The model answers, but nothing can be told of its speed; the message says why."""


class Meter:
    """Looks at a process and its descendants, and remembers the most memory that it has seen."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.peak_bytes = 0

    async def look(self) -> Usage:
        """What they take now."""
        usage = await asyncio.to_thread(usage_of, self._pid)
        self.peak_bytes = max(self.peak_bytes, usage.resident)
        return usage

    async def keep_looking(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)


async def measure(
    tier: Tier, kitchen: Kitchen, effort: Effort, *, clock: Clock, tell: Callable[[str], None]
) -> Figures:
    """Load the model, ask it alone and with all of its places taken.

    What could not be told is None, and `trouble` says why.

    Args:
        tell: Given a sentence about how far it is.
    """
    began = clock.now()
    try:
        async with running_service(tier, kitchen) as service, asyncio.TaskGroup() as tasks:
            meter = Meter(service.process.pid)
            looking = tasks.create_task(meter.keep_looking())
            stages = _Stages(service, meter, clock=clock, effort=effort, tell=tell)
            figures = await stages.run(
                began=began, start=kitchen.start, most=tier.choice.max_sequences
            )
            looking.cancel()
    except OSError as error:
        return Figures(trouble=f"the service cannot be started: {error.strerror}")
    return replace(figures, peak_bytes=meter.peak_bytes)


class _Stages:
    """What is done with a service that runs."""

    def __init__(
        self,
        service: Service,
        meter: Meter,
        *,
        clock: Clock,
        effort: Effort,
        tell: Callable[[str], None],
    ) -> None:
        self._service = service
        self._meter = meter
        self._clock = clock
        self._effort = effort
        self._tell = tell

    async def run(self, *, began: float, start: float, most: int) -> Figures:
        """Everything that can be told of it.

        Args:
            began: When its process was started.
            start: Seconds that it has for loading.
            most: Answers that it gives at once.
        """
        figures = Figures()
        try:
            async with aclosing(self._known(began, start=start, most=most)) as stages:
                async for known in stages:
                    figures = known
        except (NotServing, NoFigures, FailsoftRpcError) as error:
            figures = replace(figures, trouble=str(error))
        return figures

    async def _known(
        self, began: float, *, start: float, most: int
    ) -> AsyncGenerator[Figures, None]:
        """What is known, ever more."""
        why = await wait_until_serving(self._service, within=start)
        load_seconds = self._clock.now() - began
        ready = await self._meter.look()
        figures = Figures(why=why, load_seconds=load_seconds, ready_bytes=ready.resident)
        yield figures
        async with Client(self._service.address) as client:
            for streams in sorted({1, most}):
                self._tell(f"ready; it is asked {streams} times at once")
                speed = await self._speed(client, streams)
                figures = replace(figures, speeds=(*figures.speeds, speed))
                yield figures

    async def _speed(self, client: Client, streams: int) -> Speed:
        """
        Raises:
            NoFigures: Not one round was whole within the limit, or nothing was said.
            FailsoftRpcError: A call failed.
        """
        until, rounds = self._clock.now() + self._effort.limit, list[Round]()
        while len(rounds) < _ROUNDS and self._clock.now() < until:
            try:
                rounds.append(await self._round(client, streams, until=until))
            except FailsoftRpcError as error:
                if error.code not in _OUT_OF_TIME:
                    raise
                break
        if not rounds:
            raise NoFigures(
                f"{streams} at once got no answer of {self._effort.tokens} tokens within"
                f" {format_duration(self._effort.limit)}: ask for fewer with --tokens, or give it"
                " more with --limit"
            )
        if not all(each.tokens for each in rounds):
            raise NoFigures("it answered with nothing")
        return speed_of(rounds)

    async def _round(self, client: Client, streams: int, *, until: float) -> Round:
        """Raises FailsoftRpcError: an answer failed, or was not whole in time."""
        before, began = await self._meter.look(), self._clock.now()
        results = await asyncio.gather(
            *(self._ask(client, number, until=until) for number in range(streams)),
            return_exceptions=True,
        )
        wall = self._clock.now() - began
        after = await self._meter.look()
        return Round(answers=_all(results), wall=wall, cpu=after.cpu - before.cpu)

    async def _ask(self, client: Client, number: int, *, until: float) -> Seen:
        began, first = self._clock.now(), None
        stream = client.stream(
            f"Tell me a very long story about ship number {number} and its crew.",
            timeout=max(until - began, 0.001),
            temperature=0.0,
            max_tokens=self._effort.tokens,
        )
        async with stream:
            async for event in stream:
                if first is None and event.HasField("delta"):
                    first = self._clock.now() - began
                if event.HasField("finished"):
                    tokens = event.finished.usage.output_tokens
                    took = self._clock.now() - began
                    return Seen(first_content=took if first is None else first, tokens=tokens)
        raise NoFigures("an answer had no end")


def _all(results: Sequence[Seen | BaseException]) -> Sequence[Seen]:
    """Raises the first that is no answer."""
    answers = []
    for each in results:
        if isinstance(each, BaseException):
            raise each
        answers.append(each)
    return answers
