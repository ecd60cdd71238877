"""Measure what spans and metrics cost; fail when it is too much: `make bench-telemetry`."""

import argparse
import asyncio
import itertools
import os
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import uvloop

from benchmarks import load
from benchmarks.against.stage import Server
from benchmarks.engine.verdict import Outcome, left_out
from benchmarks.processes import cpu_seconds
from benchmarks.telemetry.stage import BOTH, METRICS, OFF, SPANS, Stage, running_stage
from benchmarks.telemetry.verdict import MOST, Verdict, judge
from failsoft_kit.rpc.channel import open_channel

IN_FLIGHT = 16
ECHO = "echo"

WALKS: Mapping[str, Callable[[load.Clients], load.Ask]] = {
    "unary": load.miss,
    "stream": load.stream,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One who is asked.

    Attributes:
        name: The walk, and what the router tells.
        server: Whose CPU time counts.
    """

    name: tuple[str, str]
    server: Server
    ask: load.Ask


Costs = Mapping[tuple[str, str], float]
"""Microseconds of CPU a request, by the walk and what the router tells."""


def one_start(*, rounds: int, requests: int) -> Costs:
    """Start everything anew and measure it.

    The same program's cost differs from one start to the next by more than metrics add to it.
    """
    with (
        running_stage() as stage,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(measure(stage, rounds=rounds, requests=requests))


async def measure(stage: Stage, *, rounds: int, requests: int) -> Costs:
    """Let the echo and all routers take turns, in another order every round; the medians.

    Those who are asked for the same walk follow on each other closely, because what a neighbour
    does to the machine changes within a second.
    """
    costs: dict[tuple[str, str], list[float]] = {}
    async with AsyncExitStack() as stack:
        walks = await _turns(stage, stack)
        for turn in itertools.chain(*walks):
            await load.burst(turn.ask, requests=200, in_flight=IN_FLIGHT)
        for number in range(rounds):
            for turns in walks:
                for turn in random.Random(number).sample(turns, len(turns)):
                    costs.setdefault(turn.name, []).append(await _cost(turn, requests))
    return {name: statistics.median(each) for name, each in costs.items()}


async def _turns(stage: Stage, stack: AsyncExitStack) -> Sequence[Sequence[Turn]]:
    """All that is measured, those together that are compared."""
    echo = await stack.enter_async_context(open_channel(stage.echo.address))
    clients = {
        told: load.Clients(
            router=await stack.enter_async_context(open_channel(server.address)), echo=echo
        )
        for told, server in stage.routers.items()
    }
    echoes = Turn(name=(ECHO, ECHO), server=stage.echo, ask=load.echo(clients[OFF]))
    walks = [
        [
            Turn(name=(walk, told), server=stage.routers[told], ask=ask(each))
            for told, each in clients.items()
        ]
        for walk, ask in WALKS.items()
    ]
    return [[echoes], *walks]


async def _cost(turn: Turn, requests: int) -> float:
    began = cpu_seconds([turn.server.pid])
    await load.burst(turn.ask, requests=requests, in_flight=IN_FLIGHT)
    return (cpu_seconds([turn.server.pid]) - began) / requests * 1e6


def report(starts: Sequence[Costs]) -> bool:
    """Print the table; False when anything surely costs more than is promised."""
    echo = statistics.median(each[ECHO, ECHO] for each in starts)
    outcomes = []
    print(f"an echo: {echo:.0f} µs; {IN_FLIGHT} in flight; {len(starts)} starts\n")
    print("| a walk | without, µs | with | adds, µs | echoes | surely within | kept |")
    print("|---|---|---|---|---|---|---|")
    for walk in WALKS:
        without = [each[walk, OFF] for each in starts]
        for told in (SPANS, METRICS, BOTH):
            costs = [each[walk, told] for each in starts]
            found = judge(without=without, told=costs, echo=echo, most=MOST.get(told))
            outcomes.append(found.outcome)
            print(f"| {walk} | {statistics.median(without):.0f} | {_row(told, found)} |")
    return Outcome.MISSED not in outcomes


def _row(told: str, found: Verdict) -> str:
    most = "" if found.most is None else f", at most {found.most}"
    low, high = found.interval
    kept = "" if found.outcome is None else found.outcome.value
    return (
        f"{told} | {found.microseconds:.0f} | {found.echoes:.2f}{most}"
        f" | {low:.2f}-{high:.2f} | {kept}"
    )


def main() -> int:
    """0 when nothing surely costs more than is promised."""
    parser = argparse.ArgumentParser(prog="benchmarks.telemetry", description=__doc__)
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=24, help="after each start")
    parser.add_argument("--requests", type=int, default=48, help="a round and walk")
    chosen = parser.parse_args()
    try:
        left_out(chosen.starts)
    except ValueError as error:
        parser.error(f"--starts: {error}")
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}", flush=True)
    starts = [
        one_start(rounds=chosen.rounds, requests=chosen.requests) for _ in range(chosen.starts)
    ]
    return 0 if report(starts) else 1


if __name__ == "__main__":
    sys.exit(main())
