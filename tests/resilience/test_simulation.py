"""The walk keeps its promises in these schedules; `make simulate` walks others and more."""

import pytest
from simulation.drawing import draw_schedule
from simulation.promises import broken
from simulation.world import simulate

CHUNK = 50


@pytest.mark.parametrize("first", range(0, 900, CHUNK))
def test_every_promise_is_kept(first: int) -> None:
    """A seed that fails is told by `make simulate SEED=…`, line by line."""
    found = {seed: broken(simulate(seed)) for seed in range(first, first + CHUNK)}

    assert {seed: what for seed, what in found.items() if what} == {}


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_always_tells_the_same_story(seed: int) -> None:
    """Otherwise a failure could not be looked at twice."""
    assert draw_schedule(seed) == draw_schedule(seed)
    assert simulate(seed).lines == simulate(seed).lines
