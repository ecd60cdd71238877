"""When an overload begins and ends."""

from failsoft_local_llm.core.admission.overload import QUIET_SECONDS, Overload, Past

START = 1000.0


def test_it_begins_with_the_first_refusal_and_with_no_other() -> None:
    overload = Overload()
    assert [overload.refused(now=START + second) for second in range(3)] == [True, False, False]


def test_nothing_is_over_that_has_not_begun() -> None:
    assert Overload().let_in(now=START) is None


def test_one_that_is_let_in_between_refusals_ends_nothing() -> None:
    overload = Overload()
    overload.refused(now=START)
    assert overload.let_in(now=START + QUIET_SECONDS - 1.0) is None
    assert not overload.refused(now=START + QUIET_SECONDS)


def test_it_is_over_with_one_that_is_let_in_after_a_quiet_time() -> None:
    overload = Overload()
    overload.refused(now=START)
    overload.refused(now=START + 4.0)
    assert overload.let_in(now=START + 4.0 + QUIET_SECONDS) == Past(refused=2, seconds=4.0)
    assert overload.let_in(now=START + 100.0) is None


def test_the_next_one_begins_anew() -> None:
    overload = Overload()
    overload.refused(now=START)
    overload.let_in(now=START + 100.0)
    assert overload.refused(now=START + 101.0)
    assert overload.let_in(now=START + 200.0) == Past(refused=1, seconds=0.0)
