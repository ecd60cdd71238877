"""Runs many cases of answers that break off: `make rescue`."""

import argparse
import multiprocessing
import sys

from rescues.world import broken

CHUNK = 250
SHOWN = 5
"""Cases that are told of; a defect seldom breaks one alone."""


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="rescues", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="cases to run")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    end = chosen.first + chosen.count
    chunks = [range(at, min(at + CHUNK, end)) for at in range(chosen.first, end, CHUNK)]
    failed = 0
    with multiprocessing.get_context("spawn").Pool(chosen.processes) as pool:
        for found in pool.imap(broken, chunks):
            for case, problem in found:
                failed += 1
                if failed <= SHOWN:
                    sys.stdout.write(f"{problem}\n  {case}\n")
    sys.stdout.write(
        f"{chosen.count} answers that broke off, from seed {chosen.first}:"
        f" {failed or 'none'} broke a promise\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
