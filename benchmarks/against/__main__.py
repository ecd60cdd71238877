"""Compare what a healthy walk costs with the baseline; fail when it grew: `make bench-against`."""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence

import grpc
import uvloop

from benchmarks import load
from benchmarks.against.planning import plan_microseconds
from benchmarks.against.stage import Server, Stage, policy, running_stage
from benchmarks.against.trees import ROOT, NoBaseline, baseline, unpacked
from benchmarks.against.verdict import MOST, MOST_ECHOES_TO_PLAN, judge
from benchmarks.processes import cpu_seconds
from failsoft_kit.rpc.channel import open_channel

IN_FLIGHT = 8

WALKS: Mapping[str, Callable[[load.Clients], load.Ask]] = {
    "unary": load.miss,
    "stream": load.stream,
}

Costs = Mapping[tuple[str, str], list[float]]
"""Microseconds of CPU a request, one figure a round, by walk and by server."""


async def measure(stage: Stage, *, rounds: int, requests: int) -> Costs:
    """Let the echo and both routers take turns, in another order every round."""
    costs: dict[tuple[str, str], list[float]] = {}
    async with (
        open_channel(stage.before.address) as before,
        open_channel(stage.now.address) as now,
        open_channel(stage.echo.address) as echo,
    ):
        turns = _turns(stage, before=before, now=now, echo=echo)
        for _, _, ask in turns:
            await load.burst(ask, requests=50, in_flight=IN_FLIGHT)
        for number in range(rounds):
            for name, server, ask in turns if number % 2 else reversed(turns):
                cost = await _cost(ask, server, requests)
                costs.setdefault(name, []).append(cost)
    return costs


def _turns(
    stage: Stage, *, before: grpc.aio.Channel, now: grpc.aio.Channel, echo: grpc.aio.Channel
) -> Sequence[tuple[tuple[str, str], Server, load.Ask]]:
    old, new = (load.Clients(router=router, echo=echo) for router in (before, now))
    turns = [(("echo", "echo"), stage.echo, load.echo(old))]
    for walk, ask in WALKS.items():
        turns.append(((walk, "before"), stage.before, ask(old)))
        turns.append(((walk, "now"), stage.now, ask(new)))
    return turns


async def _cost(ask: load.Ask, server: Server, requests: int) -> float:
    began = cpu_seconds([server.pid])
    await load.burst(ask, requests=requests, in_flight=IN_FLIGHT)
    return (cpu_seconds([server.pid]) - began) / requests * 1e6


def report(costs: Costs) -> bool:
    """Print both tables; False when anything is dearer than it may be."""
    echo = costs["echo", "echo"]
    kept = []
    print("| a healthy walk | echoes before | echoes now | now / before | of the rounds | kept |")
    print("|---|---|---|---|---|---|")
    for walk in WALKS:
        verdict = judge(before=costs[walk, "before"], now=costs[walk, "now"], echo=echo)
        kept.append(verdict.kept)
        low, high = verdict.spread
        print(
            f"| {walk} | {verdict.before:.2f} | {verdict.now:.2f} | {verdict.ratio:.3f},"
            f" at most {MOST:.2f} | half within {low:.3f}-{high:.3f} | {_yes(verdict.kept)} |"
        )
    plan = plan_microseconds(policy("http://127.0.0.1:1"))
    echoes = plan / statistics.median(echo)
    kept.append(echoes <= MOST_ECHOES_TO_PLAN)
    print(
        f"\na plan of 6 hops: {plan:.0f} µs, {echoes:.3f} echoes of"
        f" {statistics.median(echo):.0f} µs, at most {MOST_ECHOES_TO_PLAN}: {_yes(kept[-1])}"
    )
    return all(kept)


def _yes(kept: bool) -> str:  # noqa: FBT001 - prints it
    return "yes" if kept else "**no**"


def main() -> int:
    """0 when nothing is dearer than it may be, 2 when there is nothing to compare with."""
    parser = argparse.ArgumentParser(prog="benchmarks.against", description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--requests", type=int, default=200, help="a round and walk")
    parser.add_argument("--commit", help="another one than benchmarks/BASELINE names")
    chosen = parser.parse_args()
    try:
        commit = chosen.commit or baseline()
        before = unpacked(commit)
    except NoBaseline as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}, against {commit}\n", flush=True)
    with (
        running_stage(before=before, now=ROOT) as stage,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        costs = runner.run(measure(stage, rounds=chosen.rounds, requests=chosen.requests))
    return 0 if report(costs) else 1


if __name__ == "__main__":
    sys.exit(main())
