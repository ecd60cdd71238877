"""Measure what router, cache and Valkey take, each by itself: `make bench-sizing`.

CPU is that of a process for each request, of which one core has a second; memory is what is
resident, before anybody has asked and after all have. Answers come as from a model, piece by
piece. Nothing is promised and nothing fails: the figures are for who plans an installation.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
import uvloop

from benchmarks import load, over_http
from benchmarks.processes import cpu_seconds
from benchmarks.stack import VALKEY_SOCKET, Stack, running_stack

IN_FLIGHT = 16
PIECES = (2, 50)
"""Of an answer: what a request costs, and what its pieces do."""
APART = 0.001
"""Seconds between two pieces."""

ASKED: Mapping[str, Callable[[over_http.Clients], load.Ask]] = {
    "unary": load.miss,
    "stream": load.stream,
    "HTTP stream": over_http.stream,
    "fresh hit": load.hit,
}
SERVICES = ("router", "cache")
MIB, KIB = 1024 * 1024, 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is in Valkey for one kind of things.

    Attributes:
        size: Bytes, names and Valkey's own included.
    """

    things: int
    size: int

    def __str__(self) -> str:
        return f"{self.size / self.things / KIB:.2f} KiB" if self.things else "-"


def memory(stack: Stack) -> Sequence[int]:
    """Resident bytes of router and cache."""
    return [psutil.Process(pid).memory_info().rss for pid in stack.measured]


def kept(valkey: redis.Redis, names: str, *, counted: str) -> Kept:
    """What has a name like that; as many things as have a name like `counted`."""
    sizes = [int(valkey.memory_usage(name) or 0) for name in valkey.scan_iter(names)]
    return Kept(things=sum(1 for _ in valkey.scan_iter(counted)), size=sum(sizes))


async def costs(stack: Stack, *, rounds: int, requests: int) -> Mapping[str, Sequence[float]]:
    """Microseconds of CPU a request, of router and of cache; the medians of the rounds."""
    found: dict[str, list[Sequence[float]]] = {}
    async with over_http.connected(stack) as clients:
        for _ in range(rounds):
            for name, ask in ASKED.items():
                before = [cpu_seconds([pid]) for pid in stack.measured]
                await load.burst(ask(clients), requests=requests, in_flight=IN_FLIGHT)
                after = [cpu_seconds([pid]) for pid in stack.measured]
                spent = [(b - a) / requests * 1e6 for a, b in zip(before, after, strict=True)]
                found.setdefault(name, []).append(spent)
    print(f"{clients.strays} answers came from elsewhere than meant", flush=True)
    return {
        name: [statistics.median(each) for each in zip(*spent, strict=True)]
        for name, spent in found.items()
    }


def measure(pieces: int, *, rounds: int, requests: int) -> None:
    """Start everything anew, measure, and print."""
    with tempfile.TemporaryDirectory(prefix="failsoft-sizing-") as name:
        folder = Path(name)
        walks = {"FAILSOFT_ROUTER_EXPLAIN__VALKEY_URL": f"unix://{folder / VALKEY_SOCKET}"}
        with (
            running_stack(folder, chunks=pieces, chunk_delay=APART, of_router=walks) as stack,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            at_rest = memory(stack)
            found = runner.run(costs(stack, rounds=rounds, requests=requests))
            afterwards = memory(stack)
            with redis.Redis(unix_socket_path=str(folder / VALKEY_SOCKET)) as valkey:
                answers = kept(valkey, "failsoft:cache:*", counted="failsoft:cache:*")
                explained = kept(valkey, "failsoft:explain:*", counted="failsoft:explain:walk:*")
    print(f"\nanswers of {pieces} pieces")
    print("| a request, at 16 in flight | router, µs | cache, µs | a second and core of a router |")
    print("|---|---|---|---|")
    for asked, (of_router, of_cache) in found.items():
        print(f"| {asked} | {of_router:.0f} | {of_cache:.0f} | {1e6 / of_router:.0f} |")
    for service, first, last in zip(SERVICES, at_rest, afterwards, strict=True):
        print(f"{service}: {first / MIB:.0f} MiB at rest, {last / MIB:.0f} MiB afterwards")
    print(f"in Valkey: an answer {answers}, a walk {explained} ({explained.things} of them)")


def main() -> None:
    """Measure with short and with long answers."""
    parser = argparse.ArgumentParser(prog="benchmarks.sizing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}", flush=True)
    for pieces in PIECES:
        measure(pieces, rounds=int(arguments.rounds), requests=int(arguments.requests))


if __name__ == "__main__":
    main()
