"""Which forms are tried, and who waits for that how long; the thread is real, the time is not."""

import select
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from failsoft_local_llm.adapters.openvino.trials import (
    LONGEST_SECONDS,
    LOST_SECONDS,
    ThreadLost,
    Trials,
    Verdict,
)
from failsoft_local_llm.core.decoding import Form

PATIENCE = 20.0
HUGE, PLAIN, BAD, LUCKLESS, LAST = (
    Form(regex=each) for each in ("huge", "plain", "bad", "luckless", "last")
)


@dataclass(slots=True)
class Stage:
    """Tries forms; a huge one for as long as the test likes."""

    time: float = 1000.0
    tried: list[Form] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    last: threading.Event = field(default_factory=threading.Event)

    def now(self) -> float:
        return self.time

    def unix(self) -> float:
        return self.time

    def can_hold(self, form: Form) -> bool:
        self.tried.append(form)
        if form is HUGE:
            self.begun.set()
            self.go_on.wait(PATIENCE)
        if form is LAST:
            self.last.set()
        if form is LUCKLESS:
            raise OSError("no space left on device")
        return form is not BAD


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def trials(stage: Stage) -> Iterator[Trials]:
    """In the service they live as long as their process."""
    made = Trials(stage.can_hold, clock=stage)
    yield made
    stage.go_on.set()
    made._thread.shutdown()
    made._bell.close()
    made._ringer.close()


def next_settled(trials: Trials, *, number: int = 1) -> dict[int, Verdict]:
    """As soon as there are so many."""
    verdicts: dict[int, Verdict] = {}
    while len(verdicts) < number:
        assert select.select([trials.fileno()], [], [], PATIENCE)[0]
        verdicts |= trials.settled()
    return verdicts


def held_up(trials: Trials, stage: Stage) -> None:
    """A huge form has its turn, as request 0."""
    trials.begin(0, HUGE)
    assert stage.begun.wait(PATIENCE)


def test_each_form_is_tried_and_told(trials: Trials) -> None:
    trials.begin(1, PLAIN)
    trials.begin(2, BAD)

    assert next_settled(trials, number=2) == {1: Verdict.HOLDS, 2: Verdict.FAILS}
    assert not trials.running


def test_forms_of_callers_who_have_left_are_never_tried(trials: Trials, stage: Stage) -> None:
    """Who begins and hangs up in a loop kept everybody's forms waiting for as long as he liked."""
    held_up(trials, stage)
    for request in range(1, 100):
        trials.begin(request, BAD)
        trials.forget(request)
    trials.begin(100, PLAIN)
    stage.go_on.set()

    assert next_settled(trials, number=2) == {0: Verdict.HOLDS, 100: Verdict.HOLDS}
    assert stage.tried == [HUGE, PLAIN]


def test_trials_wait_for_nobody_to_hear_of_them(trials: Trials, stage: Stage) -> None:
    """A socket holds some hundred bytes that come one by one; then both threads stood still."""
    for request in range(1000):
        trials.begin(request, PLAIN)
    trials.begin(1000, LAST)

    assert stage.last.wait(PATIENCE)
    assert len(next_settled(trials, number=1001)) == 1001


def test_what_goes_wrong_in_a_trial_is_told_to_its_caller_and_ends_nothing(trials: Trials) -> None:
    """A full disk ended the process, and with it everybody's answers."""
    trials.begin(1, LUCKLESS)
    trials.begin(2, PLAIN)

    assert next_settled(trials, number=2) == {1: Verdict.UNTRIED, 2: Verdict.HOLDS}


def test_a_form_that_takes_too_long_is_refused_and_keeps_nobody_waiting(
    trials: Trials, stage: Stage
) -> None:
    held_up(trials, stage)
    trials.begin(1, PLAIN)
    stage.time += LONGEST_SECONDS - 1.0
    assert trials.settled() == {}
    stage.time += 1.0
    assert trials.settled() == {0: Verdict.FAILS, 1: Verdict.UNTRIED}

    trials.begin(2, PLAIN)
    assert trials.settled() == {2: Verdict.UNTRIED}


def test_forms_are_tried_again_when_the_long_one_has_ended(trials: Trials, stage: Stage) -> None:
    held_up(trials, stage)
    stage.time += LONGEST_SECONDS
    trials.settled()
    stage.go_on.set()
    assert select.select([trials.fileno()], [], [], PATIENCE)[0]

    trials.begin(1, PLAIN)

    assert next_settled(trials) == {1: Verdict.HOLDS}
    assert stage.tried == [HUGE, PLAIN]


def test_a_thread_that_does_not_come_back_is_given_up(trials: Trials, stage: Stage) -> None:
    """Also when the caller has long gone: the form grows on, and all others are refused."""
    held_up(trials, stage)
    trials.forget(0)
    assert trials.running
    stage.time += LOST_SECONDS - 1.0
    assert trials.settled() == {}
    stage.time += 1.0

    with pytest.raises(ThreadLost):
        trials.settled()
