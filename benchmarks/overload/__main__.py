"""Offer the local model ten times what it can answer, and print what came of it: `make overload`.

First as many callers as the model has places ask one request after the other, which is all that
it can do; then requests come at ten times that rate, each with a deadline, whether others were
answered or not; then the first again, because a shared machine is not the same all the time.
"""

import argparse
import asyncio
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass

import uvloop

from benchmarks.overload.model import PLACES, TOKENS, WAITING, Model, Seen
from benchmarks.processes import free_port, start, wait_until_connected
from failsoft.inference.v1 import chat_pb2
from failsoft_kit.rpc.channel import open_channel

OFFERED = 10
"""Times what can be answered."""
PATIENCE = 4.0
"""A deadline, as a multiple of what an answer takes when all places are taken."""
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """How long it takes, and what has to come of it.

    Attributes:
        best: Seconds of each measurement of what can be done.
        overload: Seconds; more where an answer takes half of that.
        goodput: Share of that which must be answered in an overload too.
        served: Share of those who matter most that must be answered.
        growth: Memory that the overload may cost, in MiB; the same however long it lasts.
    """

    best: float
    overload: float
    goodput: float
    served: float
    growth: int


WHOLE = Version(best=20.0, overload=60.0, goodput=0.8, served=0.95, growth=128)
FAST = Version(best=5.0, overload=10.0, goodput=0.5, served=0.8, growth=128)
"""On a busy machine; counts are as strict, and shares have room for what else it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the model did.

    Attributes:
        best: Answers a second, when nobody asks for more.
        usual: Seconds of one of them.
        memory: Bytes before the overload.
    """

    best: float
    usual: float
    memory: int
    seen: Seen


async def measured(address: str, pid: int, version: Version) -> Measured:
    """All three parts, one after the other."""
    async with open_channel(address) as channel:
        model = Model(channel, pid)
        await model.wait_until_serving()
        before, usual = await model.at_its_best(version.best)
        memory = model.memory()
        seconds = max(version.overload, 2.0 * usual)
        seen = await model.overloaded(seconds, rate=OFFERED * before, within=PATIENCE * usual)
        after, _ = await model.at_its_best(version.best)
    return Measured(best=(before + after) / 2, usual=usual, memory=memory, seen=seen)


def report(measured: Measured, version: Version) -> int:
    """Print it as a Markdown table; how many promises were broken."""
    seen, most = measured.seen, chat_pb2.CRITICALITY_CRITICAL_PLUS
    goodput = seen.per_second / measured.best
    served = seen.whole[most] / max(1, seen.asked[most])
    growth = (seen.peak_bytes - measured.memory) / _MIB
    print(f"at its best: {measured.best:.2f} answers/s of {TOKENS} tokens,", end=" ")
    print(f"{measured.usual:.2f} s each, {measured.memory / _MIB:.0f} MiB;", end=" ")
    print(f"deadline in the overload: {PATIENCE * measured.usual:.2f} s")
    print(f"asked: {seen.asked.total()}, whole: {seen.whole.total()}, cut: {seen.cut},", end=" ")
    print(f"refused: {dict(seen.refused)}\n")
    rows = [
        (
            "requests that heard nothing before their deadline",
            str(seen.waited_past),
            "0",
            seen.waited_past == 0,
        ),
        (
            "answers, as a share of the best",
            f"{goodput:.0%}",
            f"{version.goodput:.0%}",
            goodput >= version.goodput,
        ),
        (
            "those who matter most that were answered",
            f"{served:.0%} of {seen.asked[most]}",
            f"{version.served:.0%}",
            served >= version.served,
        ),
        (
            "growth of memory",
            f"{growth:.0f} MiB",
            f"{version.growth} MiB",
            growth <= version.growth,
        ),
    ]
    print("| in an overload … | measured | promised | kept |\n|---|---|---|---|")
    for name, value, promised, kept in rows:
        print(f"| {name} | {value} | {promised} | {'yes' if kept else '**no**'} |")
    return sum(not kept for _, _, _, kept in rows)


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="benchmarks.overload", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="within a minute, on a busy machine")
    version = FAST if parser.parse_args().fast else WHOLE
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "ADDRESS": address,
        "MAX_SEQUENCES": str(PLACES),
        "MAX_WAITING": str(WAITING),
        "LOG__LEVEL": "warning",
    }
    variables = {f"FAILSOFT_LOCAL_LLM_{name}": value for name, value in settings.items()}
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}, {OFFERED} times too much\n")
    with ExitStack() as stack:
        service = start(stack, ["-m", "failsoft_local_llm"], variables)
        wait_until_connected(address, service)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            broken = report(runner.run(measured(address, service.pid, version)), version)
    print(f"\n{broken or 'none'} of the promises was broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
