"""What a worker process does; apart from `__main__`, which workers cannot import."""

from collections.abc import Sequence

from simulation.promises import broken
from simulation.world import simulate


def failures(seeds: Sequence[int]) -> Sequence[tuple[int, str]]:
    """The seeds that broke a promise, each with the first one."""
    walked = ((seed, broken(simulate(seed))) for seed in seeds)
    return [(seed, found[0]) for seed, found in walked if found]
