"""Which fault meets which request."""

import pytest

from failsoft_upstream.faults import HEALTHY, Cut, Hang, Refuse, Status
from failsoft_upstream.script import CannotRefuse, Playbook, Script, Then

STEPS = (Status(status=503), Hang())


@pytest.mark.parametrize(
    ("then", "third", "fourth"),
    [
        (Then.HEALTHY, HEALTHY, HEALTHY),
        (Then.LAST, STEPS[1], STEPS[1]),
        (Then.REPEAT, STEPS[0], STEPS[1]),
    ],
)
def test_a_script_ends_as_it_says(then: Then, third: object, fourth: object) -> None:
    playbook = Playbook()
    playbook.play(Script(STEPS, then), model=None)
    assert [playbook.next("a") for _ in range(4)] == [*STEPS, third, fourth]


@pytest.mark.parametrize("then", Then)
def test_an_empty_script_is_health(then: Then) -> None:
    assert Script((), then).at(0) == HEALTHY


def test_a_models_own_script_comes_before_the_targets() -> None:
    """One look-alike can play a sick model beside a healthy one."""
    playbook = Playbook()
    playbook.play(Script((Hang(),), Then.LAST), model=None)
    playbook.play(Script((Cut(after=1),), Then.LAST), model="mini")
    assert (playbook.next("mini"), playbook.next("large")) == (Cut(after=1), Hang())
    playbook.clear(model="mini")
    assert playbook.next("mini") == Hang()


def test_a_new_script_starts_at_its_beginning() -> None:
    playbook = Playbook()
    playbook.play(Script(STEPS), model=None)
    playbook.next("a")
    playbook.play(Script(STEPS), model=None)
    assert playbook.next("a") == STEPS[0]


def test_who_has_sent_a_request_cannot_be_refused_a_connection() -> None:
    with pytest.raises(CannotRefuse):
        Playbook().play(Script((HEALTHY, Refuse())), model=None)
