"""Calls go to the least loaded endpoint; an ill one is left alone, but never all of them."""

import pytest

from failsoft_model.walk import Load
from failsoft_router.core.breaker import Result
from failsoft_router.core.endpoints import Endpoint, Endpoints, Sighting, Turn
from failsoft_router.core.member import (
    CLEAN_SECONDS,
    EJECTED_SECONDS,
    FAILURES,
    FULL_SECONDS,
    LONGEST_EJECTED_SECONDS,
    LONGEST_FULL_SECONDS,
    REPORT_SECONDS,
    Standing,
)

MIDDLE = 0.5
"""The draw that jitters nothing."""


def endpoints(*names: str, unready: tuple[str, ...] = ()) -> Endpoints:
    made = Endpoints()
    adopt(made, *names, unready=unready)
    return made


def adopt(known: Endpoints, *names: str, unready: tuple[str, ...] = (), now: float = 0.0) -> bool:
    ready = [Endpoint(address=name, ready=True) for name in names]
    others = [Endpoint(address=name, ready=False) for name in unready]
    return known.adopt(Sighting(endpoints=(*ready, *others)), now=now)


def chosen(known: Endpoints, *, now: float = 0.0, draw: float = 0.0) -> Turn:
    turn = known.choose(now=now, draw=draw)
    assert turn is not None
    return turn


def fail(known: Endpoints, name: str, *, now: float = 0.0, times: int = FAILURES) -> None:
    """Let calls to this endpoint fail, whomever others would go to."""
    for _ in range(times):
        others = {state.address for state in known.states(now)} - {name}
        turn = known.choose(now=now, draw=0.0, but=others)
        assert turn is not None
        known.ended(turn, Result.FAILED, now=now, draw=MIDDLE)


def standings(known: Endpoints, now: float = 0.0) -> dict[str, Standing]:
    return {state.address: state.standing for state in known.states(now)}


def test_before_anybody_has_said_anything_there_is_none() -> None:
    known = Endpoints()

    assert not known.known
    assert not known.any_ready
    assert known.changed_at is None
    assert known.choose(now=0.0, draw=0.0) is None


def test_only_ready_endpoints_are_called() -> None:
    known = endpoints("b", unready=("a", "c"))

    assert [chosen(known).address for _ in range(3)] == ["b", "b", "b"]
    assert standings(known) == {
        "a": Standing.NOT_READY,
        "b": Standing.READY,
        "c": Standing.NOT_READY,
    }


def test_none_ready_is_told_from_none_there() -> None:
    known = endpoints(unready=("a",))

    assert known.known
    assert known.addresses == {"a"}
    assert known.choose(now=0.0, draw=0.0) is None


def test_calls_that_are_out_are_spread_over_all() -> None:
    known = endpoints("a", "b", "c")

    assert sorted(chosen(known).address for _ in range(6)) == ["a", "a", "b", "b", "c", "c"]


def test_the_draw_decides_between_equals() -> None:
    known = endpoints("a", "b", "c", "d")
    first = known.choose(now=0.0, draw=0.0)
    last = known.choose(now=0.0, draw=0.999)

    assert first is not None
    assert last is not None
    assert (first.address, last.address) == ("a", "d")


def test_a_call_that_ended_counts_no_more() -> None:
    known = endpoints("a", "b")
    turn = chosen(known)
    chosen(known)
    known.ended(turn, Result.OK, now=0.0, draw=MIDDLE)

    assert chosen(known, draw=0.999).address == turn.address


def test_who_is_busy_with_others_calls_is_asked_last() -> None:
    known = endpoints("a", "b")
    turn = chosen(known)
    known.told(turn, Load(running=5, waiting=3, capacity=8), now=0.0)
    known.ended(turn, Result.OK, now=0.0, draw=MIDDLE)

    assert [chosen(known).address for _ in range(7)] == ["b"] * 7
    assert {chosen(known).address for _ in range(2)} == {"a", "b"}


def test_a_report_counts_our_own_calls_once() -> None:
    """What an endpoint tells has our calls in it, which are counted here already."""
    known = endpoints("a", "b")
    turns = [known.choose(now=0.0, draw=0.0, but={"b"}) for _ in range(3)]
    assert turns[0] is not None
    known.told(turns[0], Load(running=3, capacity=8), now=0.0)
    for turn in turns:
        assert turn is not None
        known.ended(turn, Result.OK, now=0.0, draw=MIDDLE)

    assert chosen(known, draw=0.0).address == "a"


def test_an_old_report_is_forgotten() -> None:
    known = endpoints("a", "b")
    turn = chosen(known)
    known.told(turn, Load(running=8, capacity=8), now=0.0)
    known.ended(turn, Result.OK, now=0.0, draw=MIDDLE)
    young = chosen(known, now=REPORT_SECONDS - 0.1)
    known.ended(young, Result.OK, now=REPORT_SECONDS - 0.1, draw=MIDDLE)

    assert young.address == "b"
    assert chosen(known, now=REPORT_SECONDS).address == "a"


def test_a_larger_endpoint_gets_more() -> None:
    known = endpoints("large", "small")
    for _ in range(2):
        turn = chosen(known)
        capacity = 30 if turn.address == "large" else 10
        known.told(turn, Load(running=1, capacity=capacity), now=0.0)

    got = [chosen(known).address for _ in range(38)]
    assert got.count("large") == 29
    assert got.count("small") == 9


def test_tokens_make_an_endpoint_busy_that_has_few_calls() -> None:
    known = endpoints("a", "b")
    turn = chosen(known)
    full = Load(running=1, capacity=8, running_tokens=7000, capacity_tokens=8000)
    known.told(turn, full, now=0.0)
    known.ended(turn, Result.OK, now=0.0, draw=MIDDLE)

    assert [chosen(known).address for _ in range(6)] == ["b"] * 6


def test_failures_in_a_row_eject_and_others_are_asked() -> None:
    known = endpoints("a", "b")
    fail(known, "a", times=FAILURES - 1)
    assert standings(known)["a"] is Standing.READY
    fail(known, "a", times=1)

    assert standings(known)["a"] is Standing.EJECTED
    (state, _) = known.states(0.0)
    assert state.due_at == EJECTED_SECONDS
    assert [chosen(known).address for _ in range(5)] == ["b"] * 5


def test_a_success_in_between_forgives() -> None:
    known = endpoints("a", "b")
    fail(known, "a", times=FAILURES - 1)
    turn = known.choose(now=0.0, draw=0.0, but={"b"})
    assert turn is not None
    known.ended(turn, Result.OK, now=0.0, draw=MIDDLE)
    fail(known, "a", times=FAILURES - 1)

    assert standings(known)["a"] is Standing.READY


def test_a_call_that_says_nothing_is_held_against_nobody() -> None:
    known = endpoints("a", "b")
    for _ in range(10 * FAILURES):
        known.ended(chosen(known), Result.NO_EVIDENCE, now=0.0, draw=MIDDLE)

    assert set(standings(known).values()) == {Standing.READY}


def test_one_call_without_a_connection_ejects() -> None:
    known = endpoints("a", "b")
    turn = chosen(known)
    known.ended(turn, Result.FAILED, now=0.0, draw=MIDDLE, unreachable=True)

    assert standings(known)[turn.address] is Standing.EJECTED


def test_the_last_one_is_never_ejected() -> None:
    known = endpoints("a", "b", "c")
    for name in ("a", "b", "c", "c"):
        fail(known, name)

    assert standings(known) == {
        "a": Standing.EJECTED,
        "b": Standing.EJECTED,
        "c": Standing.READY,
    }


def test_when_those_who_are_in_go_away_the_first_due_is_let_in() -> None:
    known = endpoints("a", "b", "c")
    fail(known, "a", now=0.0)
    fail(known, "b", now=1.0)
    adopt(known, "a", "b", now=2.0)

    assert standings(known, 2.0) == {"a": Standing.ON_TRIAL, "b": Standing.EJECTED}
    assert chosen(known, now=2.0).address == "a"


def test_an_endpoint_that_is_back_gets_one_call_until_that_went_well() -> None:
    known = endpoints("a", "b")
    fail(known, "a")
    trial = chosen(known, now=EJECTED_SECONDS)
    assert trial.address == "a"
    assert [chosen(known, now=EJECTED_SECONDS).address for _ in range(3)] == ["b"] * 3

    known.ended(trial, Result.OK, now=EJECTED_SECONDS, draw=MIDDLE)
    assert [chosen(known, now=EJECTED_SECONDS).address for _ in range(3)] == ["a"] * 3


def test_calls_from_before_the_ejection_are_no_trial() -> None:
    """A stream may go on for ten minutes, and the endpoint is back after five seconds."""
    known = endpoints("a", "b")
    stream = known.choose(now=0.0, draw=0.0, but={"b"})
    assert stream is not None
    fail(known, "a")
    for _ in range(2):
        known.choose(now=0.0, draw=0.0, but={"a"})
    now = EJECTED_SECONDS
    assert standings(known, now)["a"] is Standing.ON_TRIAL
    trial = chosen(known, now=now)
    assert trial.address == "a"

    known.ended(trial, Result.OK, now=now, draw=MIDDLE)
    known.ended(stream, Result.FAILED, now=now, draw=MIDDLE)
    assert standings(known, now)["a"] is Standing.READY
    assert [state.calls_in_flight for state in known.states(now)] == [0, 2]


def test_only_one_call_is_on_trial_whatever_went_on_from_before() -> None:
    known = endpoints("a", "b")
    stream = known.choose(now=0.0, draw=0.0, but={"b"})
    assert stream is not None
    fail(known, "a")
    now = EJECTED_SECONDS
    known.choose(now=now, draw=0.0, but={"b"})
    known.ended(stream, Result.OK, now=now, draw=MIDDLE)

    assert [chosen(known, now=now).address for _ in range(3)] == ["b"] * 3


def test_a_trial_that_says_nothing_is_followed_by_another() -> None:
    known = endpoints("a", "b")
    fail(known, "a")
    trial = chosen(known, now=EJECTED_SECONDS)
    known.ended(trial, Result.NO_EVIDENCE, now=EJECTED_SECONDS, draw=MIDDLE)

    assert chosen(known, now=EJECTED_SECONDS).address == "a"


def test_a_failed_trial_ejects_for_longer() -> None:
    known = endpoints("a", "b")
    fail(known, "a")
    now, times = EJECTED_SECONDS, []
    for _ in range(6):
        fail(known, "a", now=now, times=1)
        due_at = known.states(now)[0].due_at
        assert due_at is not None
        times.append(due_at - now)
        now = due_at

    assert times == [10.0, 20.0, 40.0, 60.0, 60.0, 60.0]
    assert times[-1] == LONGEST_EJECTED_SECONDS


def test_clean_minutes_make_the_next_ejection_shorter() -> None:
    known = endpoints("a", "b")
    fail(known, "a")
    fail(known, "a", now=EJECTED_SECONDS, times=1)
    later = 15.0 + CLEAN_SECONDS
    fail(known, "a", now=later, times=1)

    assert known.states(later)[0].due_at == later + 10.0


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 4.0), (0.5, 5.0), (0.75, 5.5)])
def test_the_time_is_jittered(draw: float, seconds: float) -> None:
    """Else all routers would try the same endpoint at the same moment."""
    known = endpoints("a", "b")
    known.ended(chosen(known), Result.FAILED, now=0.0, draw=draw, unreachable=True)

    assert known.states(0.0)[0].due_at == pytest.approx(seconds)


def test_a_call_from_before_the_ejection_says_nothing_of_now() -> None:
    known = endpoints("a", "b")
    early = chosen(known)
    late = chosen(known, draw=0.0)
    assert (early.address, late.address) == ("a", "b")
    fail(known, "a")
    known.ended(early, Result.OK, now=EJECTED_SECONDS, draw=MIDDLE)

    fail(known, "a", now=EJECTED_SECONDS, times=1)
    assert standings(known, EJECTED_SECONDS)["a"] is Standing.EJECTED


def test_an_endpoint_that_becomes_ready_again_starts_anew() -> None:
    """A pod that was restarted is well now, whatever it was before."""
    known = endpoints("a", "b")
    fail(known, "a")
    adopt(known, "b", unready=("a",), now=1.0)
    adopt(known, "a", "b", now=2.0)

    assert standings(known, 2.0)["a"] is Standing.READY


def test_it_says_when_there_is_somebody_again() -> None:
    known = Endpoints()

    assert adopt(known, unready=("a",), now=1.0) is False
    assert adopt(known, "a", now=2.0) is True
    assert known.changed_at == 2.0
    assert adopt(known, "a", "b", now=3.0) is False
    assert adopt(known, now=4.0) is False
    assert known.changed_at == 4.0


def test_a_vanished_endpoint_is_known_until_its_calls_are_over() -> None:
    known = endpoints("a")
    turn = chosen(known)
    adopt(known, "b", now=1.0)
    assert known.addresses == {"b"}
    adopt(known, "a", "b", now=2.0)
    assert chosen(known, now=2.0).address == "b"

    known.ended(turn, Result.FAILED, now=3.0, draw=MIDDLE)
    assert [state.calls_in_flight for state in known.states(3.0)] == [0, 1]


def test_who_was_tried_in_vain_is_not_chosen_again() -> None:
    known = endpoints("a", "b")

    assert chosen(known).address == "a"
    turn = known.choose(now=0.0, draw=0.0, but={"a"})
    assert turn is not None
    assert turn.address == "b"
    assert known.choose(now=0.0, draw=0.0, but={"a", "b"}) is None


def turn_away(known: Endpoints, name: str, retry_after: float | None, *, now: float = 0.0) -> None:
    """Let a call to this endpoint be told that there is no room for it."""
    others = {state.address for state in known.states(now)} - {name}
    turn = known.choose(now=now, draw=0.0, but=others)
    assert turn is not None
    known.has_no_room(turn, retry_after, now=now)
    known.ended(turn, Result.NO_EVIDENCE, now=now, draw=MIDDLE)


def test_a_full_endpoint_is_left_out_until_the_time_that_it_named() -> None:
    known = endpoints("a", "b")
    turn_away(known, "a", 2.0)

    (state, _) = known.states(0.0)
    assert (state.standing, state.due_at) == (Standing.FULL, 2.0)
    assert [chosen(known, now=1.9).address for _ in range(3)] == ["b"] * 3
    assert standings(known, 2.0)["a"] is Standing.READY
    assert chosen(known, now=2.0).address == "a"


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, FULL_SECONDS), (0.25, 0.25), (3600.0, LONGEST_FULL_SECONDS)]
)
def test_nobody_is_full_for_longer_than_anybody_can_know(
    asked: float | None, seconds: float
) -> None:
    known = endpoints("a", "b")
    turn_away(known, "a", asked)

    assert known.states(0.0)[0].due_at == seconds


def test_the_later_of_two_times_counts() -> None:
    known = endpoints("a", "b")
    turns = [known.choose(now=0.0, draw=0.0, but={"b"}) for _ in range(2)]
    for turn, seconds in zip(turns, (4.0, 1.0), strict=True):
        assert turn is not None
        known.has_no_room(turn, seconds, now=0.0)

    assert known.states(0.0)[0].due_at == 4.0


def test_while_one_has_room_the_target_has() -> None:
    known = endpoints("a", "b")
    turn_away(known, "a", 2.0)

    assert known.takes_calls(0.0)
    assert not known.takes_calls(0.0, but={"b"})
    assert known.full_for(0.0) == 0.0


def test_when_all_are_full_nobody_is_chosen_until_the_first_has_room() -> None:
    known = endpoints("a", "b", unready=("c",))
    turn_away(known, "a", 4.0)
    turn_away(known, "b", 3.0, now=0.5)

    assert known.choose(now=1.0, draw=0.0) is None
    assert known.full_for(1.0) == 2.5
    assert chosen(known, now=3.5).address == "b"
    assert known.full_for(3.5) == 0.0


def test_an_ill_one_is_not_asked_because_the_others_are_full() -> None:
    """It would fail, and what fails is counted against the target."""
    known = endpoints("a", "b")
    fail(known, "a")
    turn_away(known, "b", 10.0)

    assert known.choose(now=1.0, draw=0.0) is None
    assert known.full_for(1.0) == EJECTED_SECONDS - 1.0
    assert chosen(known, now=EJECTED_SECONDS).address == "a"


def test_while_a_call_is_on_trial_nobody_waits_for_long_for_one_who_is_full() -> None:
    """It may end at any moment, and then there is room."""
    known = endpoints("a", "b")
    fail(known, "a")
    trial = known.choose(now=EJECTED_SECONDS, draw=0.0, but={"b"})
    assert trial is not None
    turn_away(known, "b", 9.0, now=EJECTED_SECONDS)

    assert known.choose(now=EJECTED_SECONDS, draw=0.0) is None
    assert known.full_for(EJECTED_SECONDS) == FULL_SECONDS
    known.ended(trial, Result.OK, now=EJECTED_SECONDS, draw=MIDDLE)
    assert known.full_for(EJECTED_SECONDS) == 0.0


def test_who_is_ill_and_full_is_waited_for_until_both_are_over() -> None:
    known = endpoints("a", "b")
    turn_away(known, "a", 1.0)
    fail_although_full(known, "a")
    turn_away(known, "b", 9.0)

    assert known.states(0.0)[0].due_at == EJECTED_SECONDS
    assert known.full_for(0.0) == EJECTED_SECONDS


def fail_although_full(known: Endpoints, name: str) -> None:
    others = {state.address for state in known.states(0.0)} - {name}
    turn = known.choose(now=0.0, draw=0.0, but=others, even_full=True)
    assert turn is not None
    known.ended(turn, Result.FAILED, now=0.0, draw=MIDDLE, unreachable=True)


def test_who_only_looks_may_look_at_a_full_one() -> None:
    known = endpoints("a")
    turn_away(known, "a", 2.0)

    turn = known.choose(now=0.0, draw=0.0, even_full=True)
    assert turn is not None
    assert turn.address == "a"


def test_an_endpoint_that_becomes_ready_again_has_room() -> None:
    known = endpoints("a")
    turn_away(known, "a", 10.0)
    adopt(known, unready=("a",), now=1.0)
    adopt(known, "a", now=2.0)

    assert chosen(known, now=2.0).address == "a"


def test_none_full_is_no_want_of_room() -> None:
    known = endpoints("a", "b")
    assert known.full_for(0.0) == 0.0
    fail(known, "a")
    known.choose(now=EJECTED_SECONDS, draw=0.0, but={"b"})
    assert known.full_for(EJECTED_SECONDS) == 0.0
    assert Endpoints().full_for(0.0) == 0.0
