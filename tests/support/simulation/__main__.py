"""Walks many schedules, or tells the story of one: `make simulate`."""

import argparse
import multiprocessing
import secrets
import sys
from collections.abc import Sequence

from simulation.failures import failures
from simulation.promises import broken
from simulation.world import simulate

CHUNK = 100
SHOWN = 10
"""Seeds that are told of; a defect seldom breaks one alone."""


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="schedules to walk")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--fresh", action="store_true", help="begin at a seed that nobody chose")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, help="walk this one and tell its story")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        return tell(chosen.seed)
    first = secrets.randbelow(2**32) if chosen.fresh else chosen.first
    return walk(range(first, first + chosen.count), processes=chosen.processes)


def tell(seed: int) -> int:
    """Print what happened in one schedule, line by line, and what was broken."""
    story = simulate(seed)
    policy = story.schedule.policy
    say(*map(str, (*policy.targets.values(), *policy.routes.values(), *policy.tenants.items())))
    say(*story.lines)
    found = broken(story)
    say(*(f"BROKEN {each}" for each in found))
    return 1 if found else 0


def walk(seeds: Sequence[int], *, processes: int) -> int:
    """Walk them all and print the seeds that broke a promise."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    failed = 0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for found in pool.imap(failures, chunks):
            for seed, sentence in found:
                failed += 1
                if failed <= SHOWN:
                    say(sentence, f"  replay it: make simulate SEED={seed}")
    say(f"{len(seeds)} schedules from seed {seeds[0]}: {failed or 'none'} broke a promise")
    return 1 if failed else 0


def say(*lines: str) -> None:
    """Print lines at once."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
