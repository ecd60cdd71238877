"""Wait for what no command of kubectl waits for."""

import threading
from collections.abc import Callable

from failsoft_kit.clock import SystemClock

LOOK_SECONDS = 0.5


def eventually(so: Callable[[], bool], *, within: float) -> float:
    """Return when it is so; how many seconds that took. Fails the test when it never is."""
    clock, pause = SystemClock(), threading.Event()
    began = clock.now()
    while not so():
        assert clock.now() - began < within, f"it was not so within {within} s"
        pause.wait(LOOK_SECONDS)
    return clock.now() - began
