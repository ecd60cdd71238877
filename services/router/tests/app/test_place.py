"""What keeps calls from one target, asked in four ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import FinishReason
from failsoft_router.core.breaker import Result
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_router.app.targets.place import Place
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1, probes=1)}
OPEN_FOR = 5.0


def be_closed(place: Place, now: float) -> float:
    return now


def be_settled(place: Place, now: float) -> float:
    place.doubt.went_on()
    place.doubt.call_begins()
    return now


def be_open(place: Place, now: float) -> float:
    health = place.gates.health
    permit = health.ask(now)
    assert permit is not None
    health.record(permit, Result.FAILED, now=now, draw=0.5)
    return now


def be_due(place: Place, now: float) -> float:
    return be_open(place, now) + OPEN_FOR


def be_half_open(place: Place, now: float) -> float:
    due = be_due(place, now)
    probe = place.gates.health.ask(due)
    assert probe is not None
    place.gates.health.record(probe, Result.NO_EVIDENCE, now=due, draw=0.5)
    return due


def be_probed(place: Place, now: float) -> float:
    due = be_half_open(place, now)
    place.gates.health.ask(due)
    return due


def be_forced(place: Place, now: float) -> float:
    due = be_probed(place, now)
    place.gates.health.force(due)
    return due


def be_isolated(place: Place, now: float) -> float:
    order = IsolationOrder(since=now, until=now + 60.0, actor="ada", reason="a new driver")
    place.gates.isolation.isolate(order)
    return now


def be_isolated_and_probed(place: Place, now: float) -> float:
    return be_isolated(place, be_probed(place, now))


@pytest.mark.parametrize(
    ("happens", "due_in", "is_shut", "is_well", "may_be_forced"),
    [
        (be_closed, 0.0, False, True, False),
        (be_settled, 0.0, False, False, False),
        (be_open, OPEN_FOR, True, False, True),
        (be_due, 0.0, False, False, False),
        (be_half_open, 0.0, False, False, False),
        (be_probed, 0.0, True, False, True),
        (be_forced, 0.0, True, False, False),
        (be_isolated, 60.0, True, False, False),
        (be_isolated_and_probed, 60.0, True, False, False),
    ],
)
def test_each_way_of_asking_has_its_own_answer(
    stage: type[Stage],
    happens: Callable[[Place, float], float],
    due_in: float,
    is_shut: bool,
    is_well: bool,
    may_be_forced: bool,
) -> None:
    async def ask() -> None:
        router = stage(a=("hi", DONE), targets={"a": TOUCHY})
        place = router.board.place("a")
        now = happens(place, router.clock.now())

        assert place.due_in(now) == pytest.approx(due_in)
        assert place.is_shut(now) is is_shut
        assert place.is_well(now) is is_well
        assert place.may_be_forced(now) is may_be_forced

    virtual_time.run(ask())


@pytest.mark.parametrize(
    ("happens", "within", "admits"),
    [
        (be_closed, 0.0, True),
        (be_open, OPEN_FOR - 0.1, False),
        (be_open, OPEN_FOR + 0.1, True),
        (be_half_open, 0.0, True),
        (be_probed, 100.0, False),
        (be_isolated, 59.0, False),
        (be_isolated, 60.0, True),
    ],
)
def test_a_target_may_let_somebody_in_later(
    stage: type[Stage],
    happens: Callable[[Place, float], float],
    within: float,
    admits: bool,
) -> None:
    """For one whose probes are out nobody knows when that is."""

    async def ask() -> None:
        router = stage(a=("hi", DONE), targets={"a": TOUCHY})
        place = router.board.place("a")
        now = happens(place, router.clock.now())

        assert place.admits(now, within=within) is admits

    virtual_time.run(ask())


@virtual_time.test
async def test_another_key_has_another_fingerprint(stage: type[Stage]) -> None:
    class Key:
        key: str | None = "canary"

        def value(self) -> str | None:
            return self.key

    key = Key()
    place = stage(a=("hi", DONE), credentials={"a": key}).board.place("a")
    told = [place.fingerprint, place.fingerprint]
    for key.key in ("second", None, "canary"):
        told.append(place.fingerprint)

    first, again, second, none, last = told
    assert first == again == last
    assert none is None
    assert second not in (first, None)
    assert "canary" not in repr(place)
