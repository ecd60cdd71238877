"""What tests of metrics share."""

import pytest

from failsoft_kit.telemetry import Meter, NameRegistry
from failsoft_kit.testing.metrics import DURATION, OPEN, UP, WALKS


class StillClock:
    """It is always the same second."""

    def now(self) -> float:
        return 1000.0

    def unix(self) -> float:
        return 1_800_000_000.0


@pytest.fixture
def strict() -> NameRegistry:
    names = NameRegistry(strict=True)
    names.register([WALKS, OPEN, UP, DURATION])
    return names


@pytest.fixture
def meter(strict: NameRegistry) -> Meter:
    """A strict one."""
    return Meter(clock=StillClock(), names=strict)


@pytest.fixture
def lenient() -> Meter:
    """As in production."""
    return Meter(clock=StillClock())
