"""Let the first target die in three ways, under load, and print what it cost: `make outage`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import uvloop

from benchmarks.outage.callers import Callers
from benchmarks.outage.course import FAULTS, Director, Lengths
from benchmarks.outage.promises import (
    Allowance,
    Course,
    Promise,
    Rules,
    Sample,
    before,
    during,
    hold,
    median,
    of,
    p99,
)
from benchmarks.outage.stage import FIRST, Stage, running_stage
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.channel import open_channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """How long, how many callers, under which policy.

    Attributes:
        first: What the policy says of the first target beside the defaults.
    """

    lengths: Lengths
    per_second: float
    rules: Rules = field(default_factory=Rules)
    allowance: Allowance = field(default_factory=Allowance)
    first: Mapping[str, object] = field(default_factory=dict)


WHOLE = Version(lengths=Lengths(well=10.0, dead=40.0), per_second=50.0)
"""Under the defaults of the policy, with the promises as they are."""

FAST = Version(
    lengths=Lengths(well=3.0, dead=8.0),
    per_second=30.0,
    rules=Rules(open_for=1.0, open_cap=2.0),
    allowance=Allowance(median_ratio=1.5, p99_extra=0.3, back_extra=2.0, apart=True),
    first={
        "limits": {"first_content": "1s"},
        "breaker": {"open_for": "1s", "open_cap": "2s", "slow_ratio": 1.0},
    },
)
"""Short limits and open times, so that it fits a minute; every count is as strict, and wall
time has room for whatever else the machine does."""


async def outages(stage: Stage, version: Version) -> tuple[Sequence[Course], Sequence[Sample]]:
    """Every outage in turn, and what every caller saw of them."""
    clock, over = SystemClock(), asyncio.Event()
    courses = []
    async with open_channel(stage.router) as router, open_channel(stage.admin) as admin:
        callers = Callers(router, first=FIRST, per_second=version.per_second, clock=clock)
        await callers.ask()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(callers.come(over))
            director = Director(first=stage.first, admin=admin, callers=callers, clock=clock)
            try:
                for name, fault in FAULTS.items():
                    courses.append(await director.play(name, fault, version.lengths))
            finally:
                over.set()
    return courses, callers.samples


def report(course: Course, samples: Sequence[Sample], promises: Sequence[Promise]) -> None:
    """Print one outage as a part of a Markdown table."""
    mine = of(course, samples)
    well, dead = before(course, mine), during(course, mine)
    head = f"{len(dead)} callers; healthy: {_ms(median(well))}, p99 {_ms(p99(well))}"
    print(f"| **{course.fault}** | {head} | | |")
    for each in promises:
        verdict = "yes" if each.kept else "**no**"
        print(f"| {each.name} | {each.measured} | {each.allowed} | {verdict} |")
    sys.stdout.flush()


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="benchmarks.outage", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="within a minute, on a busy machine")
    version = FAST if parser.parse_args().fast else WHOLE
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}, {version.per_second:g}/s\n")
    print("| the first target … | measured | allowed | kept |\n|---|---|---|---|", flush=True)
    with (
        running_stage(version.first) as stage,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        courses, samples = runner.run(outages(stage, version))
    broken = 0
    for course in courses:
        promises = hold(course, samples, rules=version.rules, allowance=version.allowance)
        report(course, samples, promises)
        broken += sum(not each.kept for each in promises)
    print(f"\n{broken or 'none'} of the promises was broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
