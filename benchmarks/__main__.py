"""Measure, interleaved and repeated, and print a table: `make bench`."""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks import load, over_http
from benchmarks.processes import cpu_seconds
from benchmarks.stack import Stack, running_stack

LONG, SHORT = 50, 2
"""Pieces of an answer; the difference of two streams gives the cost of a piece."""

HTTP_AT_MOST = 1.3
"""What a unary request over HTTP may cost, as a multiple of one over gRPC."""

APART = 0.001
"""Seconds between two pieces that arrive one by one, as from a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Something to measure: how it is asked, and which processes pay."""

    name: str
    ask: Callable[[over_http.Clients], load.Ask]
    of_echo: bool = False


SCENARIOS = (
    Scenario(name="echo", ask=load.echo, of_echo=True),
    Scenario(name="unary miss", ask=load.miss),
    Scenario(name="fresh hit", ask=load.hit),
    Scenario(name="stream", ask=load.stream),
    Scenario(name="HTTP unary miss", ask=over_http.miss),
    Scenario(name="HTTP stream", ask=over_http.stream),
)

Costs = dict[tuple[str, int], list[float]]
"""Microseconds of CPU a request, one for each round, by scenario and number in flight."""


async def measure(stack: Stack, *, rounds: int, requests: int) -> Costs:
    """Every scenario at 1 and at 16 in flight, round after round."""
    costs: Costs = {}
    async with over_http.connected(stack) as clients:
        for _ in range(rounds):
            for scenario in SCENARIOS:
                for in_flight in (1, 16):
                    payers = (stack.echo,) if scenario.of_echo else stack.measured
                    cost = await _cost(scenario.ask(clients), payers, requests, in_flight)
                    costs.setdefault((scenario.name, in_flight), []).append(cost)
    asked = rounds * requests * 2 * len(SCENARIOS)
    print(f"{clients.strays} of {asked} answers came from elsewhere than meant", flush=True)
    return costs


async def _cost(ask: load.Ask, payers: Sequence[int], requests: int, in_flight: int) -> float:
    before = cpu_seconds(payers)
    await load.burst(ask, requests=requests, in_flight=in_flight)
    return (cpu_seconds(payers) - before) / requests * 1e6


def run(chunks: int, *, chunk_delay: float, rounds: int, requests: int) -> Costs:
    """Measure against an upstream that answers in so many pieces, so many seconds apart."""
    with (
        tempfile.TemporaryDirectory(prefix="failsoft-bench-") as folder,
        running_stack(Path(folder), chunks=chunks, chunk_delay=chunk_delay) as stack,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(measure(stack, rounds=rounds, requests=requests))


def report(burst: Costs, long: Costs, short: Costs) -> None:
    """Print medians and spreads, in microseconds and in echoes of the same run."""
    heads = ("CPU of router + cache", "in flight", "µs, median", "spread", "echoes")
    print("\n{:24}{:>10}{:>12}{:>16}{:>8}".format(*heads))
    for title, found in ((f"{LONG} pieces at once", burst), (f"{LONG} pieces apart", long)):
        print(f"answers of {title}")
        for (name, in_flight), costs in found.items():
            _row(name, in_flight, costs, statistics.median(found["echo", in_flight]))
    for in_flight in (1, 16):
        echo = statistics.median(long["echo", in_flight])
        for name, title in (("stream", "a streamed token"), ("HTTP stream", "a token by SSE")):
            pairs = zip(long[name, in_flight], short[name, in_flight], strict=True)
            tokens = [(many - few) / (LONG - SHORT) for many, few in pairs]
            _row(title, in_flight, tokens, echo)
    for title, found in (
        (f"{LONG} pieces at once", burst),
        (f"{LONG} pieces apart", long),
        (f"{SHORT} pieces apart", short),
    ):
        for in_flight in (1, 16):
            _compare(title, in_flight, found)


def _compare(title: str, in_flight: int, found: Costs) -> None:
    """Print what HTTP costs beside gRPC, round by round."""
    pairs = zip(found["HTTP unary miss", in_flight], found["unary miss", in_flight], strict=True)
    ratios = sorted(http / grpc for http, grpc in pairs)
    median, spread = statistics.median(ratios), f"{ratios[0]:.2f}-{ratios[-1]:.2f}"
    name = f"HTTP / gRPC, unary, {title}"
    print(f"{name:44}{in_flight:>6}{median:>8.2f}{spread:>14}, at most {HTTP_AT_MOST:.2f}")


def _row(name: str, in_flight: int, costs: Sequence[float], echo: float) -> None:
    median = statistics.median(costs)
    spread = f"{min(costs):.0f}-{max(costs):.0f}"
    print(f"{name:24}{in_flight:>10}{median:>12.1f}{spread:>16}{median / echo:>8.2f}")


def main() -> None:
    """Measure with long and with short answers."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=400)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}", flush=True)
    sizes = {"rounds": int(arguments.rounds), "requests": int(arguments.requests)}
    report(
        run(LONG, chunk_delay=0.0, **sizes),
        run(LONG, chunk_delay=APART, **sizes),
        run(SHORT, chunk_delay=APART, **sizes),
    )


if __name__ == "__main__":
    main()
