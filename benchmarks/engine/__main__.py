"""Compare a token through the service with one from the bare engine: `make bench-engine`.

Both have the same model file, scheduler, threads and sampling, and are asked the same questions by
this process, whose own CPU time does not count. Each round starts both anew, because what a token
costs differs from one start of an engine to the next by more than the service adds to it.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import uvloop

from benchmarks.engine.sides import Bare, Service, Side
from benchmarks.engine.verdict import MOST, SURE, Outcome, Verdict, judge, left_out
from benchmarks.processes import cpu_seconds
from failsoft_kit.rpc.channel import open_channel

STREAMS = (8, 32)
WARM_UP_TOKENS = 8

Cost = Sequence[float]
"""CPU seconds of a token, by process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is asked.

    Attributes:
        rounds: In each, both sides are started and answer once.
        tokens: The longest answer.
        threads: Of each engine.
    """

    rounds: int
    tokens: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found with so many streams.

    Attributes:
        own: CPU seconds of a token that the service's own process takes, without its engine's: the
            median.
    """

    streams: int
    verdict: Verdict
    own: float


def measure(streams: int, size: Size) -> Found:
    """What a token costs either way when so many are answered at once."""
    rounds = [_round(number, streams, size) for number in range(size.rounds)]
    return Found(
        streams=streams,
        verdict=judge(
            bare=[sum(alone) for alone, _ in rounds], service=[sum(served) for _, served in rounds]
        ),
        own=statistics.median(served[0] for _, served in rounds),
    )


def _round(number: int, streams: int, size: Size) -> tuple[Cost, Cost]:
    """What a token costs from the bare engine and from the service, both started anew."""
    with ExitStack() as stack:
        bare = Bare(stack, streams=streams, threads=size.threads)
        service = Service(stack, streams=streams, threads=size.threads)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_taking_turns(number, bare, service, streams, size))


async def _taking_turns(
    number: int, bare: Bare, service: Service, streams: int, size: Size
) -> tuple[Cost, Cost]:
    async with open_channel(service.address) as channel:
        asked = service.asked_over(channel)
        await asked.wait_until_serving()
        sides: Sequence[Side] = (bare, asked)
        for side in sides:
            await side.answer(questions(-1, streams), tokens=WARM_UP_TOKENS)
        costs = {
            side: await _cost(side, questions(number, streams), tokens=size.tokens)
            for side in (sides if number % 2 else reversed(sides))
        }
    return costs[bare], costs[asked]


async def _cost(side: Side, prompts: Sequence[str], *, tokens: int) -> Cost:
    pids = side.pids()
    before = [cpu_seconds([pid]) for pid in pids]
    count = await side.answer(prompts, tokens=tokens)
    return [(cpu_seconds([pid]) - began) / count for pid, began in zip(pids, before, strict=True)]


def questions(number: int, streams: int) -> Sequence[str]:
    """The same for both sides, others in each round."""
    return [
        f"Tell me a very long story about ship number {stream} on day {number + 2} of its voyage."
        for stream in range(streams)
    ]


def report(found: Iterable[Found]) -> bool:
    """Print the table, each row when it is known; False when a target is missed."""
    print("| streams | bare, µs | service, µs | of it beside the engine", end=" ")
    print("| service / bare | surely within | kept |")
    print("|---|---|---|---|---|---|---|", flush=True)
    outcomes = []
    for each in found:
        verdict = each.verdict
        low, high = verdict.interval
        outcomes.append(verdict.outcome)
        print(
            f"| {each.streams} | {verdict.bare * 1e6:.0f} | {verdict.service * 1e6:.0f}"
            f" | {each.own * 1e6:.0f} | {verdict.ratio:.3f}, at most {MOST:.2f}"
            f" | {low:.3f}-{high:.3f} | {verdict.outcome.value} |",
            flush=True,
        )
    return Outcome.MISSED not in outcomes


def main() -> int:
    """0 when nothing is certainly dearer than it may be."""
    parser = argparse.ArgumentParser(prog="benchmarks.engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--tokens", type=int, default=96, help="in each answer (96)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each engine")
    chosen = parser.parse_args()
    try:
        left_out(chosen.rounds)
    except ValueError as error:
        parser.error(str(error))
    size = Size(rounds=chosen.rounds, tokens=chosen.tokens, threads=chosen.threads)
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]},")
    print(f"{size.threads} threads, {size.rounds} rounds of {size.tokens} tokens,", end=" ")
    print(f"intervals at {SURE:.0%}\n", flush=True)
    return 0 if report(measure(streams, size) for streams in STREAMS) else 1


if __name__ == "__main__":
    sys.exit(main())
