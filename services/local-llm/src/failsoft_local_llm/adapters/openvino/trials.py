"""Tries forms one after the other in one thread, and tells what came of it when it is asked.

    waiting --its turn--> tried --the trial has ended--> settled: HOLDS, or FAILS
    tried --it takes longer than `LONGEST_SECONDS`--> settled: FAILS, and the thread goes on
    waiting --the thread is held by one that takes so long--> settled: UNTRIED
    waiting, tried --nobody wants to know any more--> forgotten; one that waits is never tried

A thread cannot be interrupted. So as long as it is held nobody else waits for it, and one that is
held for `LOST_SECONDS` is given up, with the process that it is in.
"""

import contextlib
import enum
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from failsoft_kit.clock import Clock
from failsoft_local_llm.core.decoding import Form

LONGEST_SECONDS = 20.0
"""What is compiled for so long is no form that anybody should ask for."""
LOST_SECONDS = 120.0
"""It grows all the while: a minute of it was seen to take half a gigabyte."""
_READ_BYTES = 4096


class ThreadLost(Exception):
    """A form is being tried for so long that no other ever will be in this process."""


class Verdict(enum.Enum):
    """What came of a trial."""

    HOLDS = "holds"
    FAILS = "fails"
    """An answer cannot be held to the form, or not soon enough."""
    UNTRIED = "untried"
    """Nothing is known of the form: it had no turn, or something else went wrong."""


class Trials:
    """The trials of all requests."""

    def __init__(self, can_hold: Callable[[Form], bool], *, clock: Clock) -> None:
        """
        Args:
            can_hold: Called in the thread; may take long. What it raises says nothing of the form.
        """
        self._can_hold = can_hold
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._trials: dict[int, Future[bool]] = {}
        self._waiting: dict[int, Form] = {}
        """Taken out by the thread when their turn has come, or before."""
        self._tried: tuple[int, float] | None = None
        """Whose form is being tried, and since when; also when it was forgotten."""
        self._bell, self._ringer = socket.socketpair()
        self._bell.settimeout(0.0)
        self._ringer.settimeout(0.0)

    @property
    def running(self) -> bool:
        """Whether there will be something to look at although nothing is readable."""
        return bool(self._trials) or self._tried is not None

    def fileno(self) -> int:
        """Readable when a trial has ended."""
        return self._bell.fileno()

    def begin(self, request: int, form: Form) -> None:
        """Find out whether an answer can be held to that form."""
        self._waiting[request] = form
        trial = self._trials[request] = self._thread.submit(self._try, request)
        trial.add_done_callback(lambda _: self._ring())

    def forget(self, request: int) -> None:
        """Nobody wants to know any more."""
        self._trials.pop(request, None)
        self._waiting.pop(request, None)

    def settled(self) -> dict[int, Verdict]:
        """What is known since the last time, by request.

        Raises:
            ThreadLost: there is nothing to hope for.
        """
        self._hear()
        verdicts = {
            request: _verdict(trial) for request, trial in self._trials.items() if trial.done()
        }
        verdicts |= self._given_up()
        for request in verdicts:
            self.forget(request)
        return verdicts

    def _given_up(self) -> dict[int, Verdict]:
        """Those who waited long enough for the trial that holds the thread."""
        tried = self._tried  # once: the thread may come back at any moment
        if tried is None:
            return {}
        held_by, since = tried
        held_for = self._clock.now() - since
        if held_for >= LOST_SECONDS:
            raise ThreadLost
        if held_for < LONGEST_SECONDS:
            return {}
        verdicts = {
            request: Verdict.UNTRIED
            for request in self._trials
            if self._waiting.pop(request, None) is not None
        }
        if held_by in self._trials and not self._trials[held_by].done():
            verdicts[held_by] = Verdict.FAILS
        return verdicts

    def _try(self, request: int) -> bool:
        """In the thread."""
        form = self._waiting.pop(request, None)
        if form is None:
            return False  # to nobody
        self._tried = (request, self._clock.now())
        try:
            return self._can_hold(form)
        finally:
            self._tried = None

    def _ring(self) -> None:
        """In the thread, or in `begin` where that was faster; never waits for who does not hear."""
        with contextlib.suppress(BlockingIOError):
            self._ringer.send(b".")

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(_READ_BYTES)


def _verdict(trial: Future[bool]) -> Verdict:
    """Of one that has ended by itself."""
    error = trial.exception()
    if error is not None:
        sys.stderr.write(f"a form could not be tried: {type(error).__name__}\n")
        return Verdict.UNTRIED
    return Verdict.HOLDS if trial.result() else Verdict.FAILS
