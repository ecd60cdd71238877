"""When nobody can be reached it is our own way out, and no provider is held ill for it."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.egress import (
    HOLD,
    TOGETHER,
    Blame,
    EgressWatch,
    is_outside,
    settles_at,
)

NOW = 1000.0
A, B, C = "api.a.example", "api.b.example", "api.c.example"
PENDING, COUNTS, OWN_EGRESS = Blame.PENDING, Blame.COUNTS, Blame.OWN_EGRESS


def watch(*hosts: str, uncalled: Collection[str] = ()) -> EgressWatch:
    """Watches A and B, or what is named; no calls go to those that are `uncalled`."""
    egress = EgressWatch()
    rewatch(egress, *(hosts or (A, B)), uncalled=uncalled, at=NOW)
    return egress


def rewatch(egress: EgressWatch, *hosts: str, uncalled: Collection[str] = (), at: float) -> None:
    egress.watch(hosts, may_be_called=lambda host, _: host not in uncalled, now=at)


def both_failed(at: float = NOW) -> EgressWatch:
    egress = watch()
    egress.connect_failed(A, at)
    egress.connect_failed(B, at + 1.0)
    return egress


def test_nothing_is_down_before_anything_failed() -> None:
    assert not watch().down(NOW)
    assert watch().due_in(NOW) == 0.0


def test_all_of_two_hosts_failing_within_two_seconds_is_our_own_egress() -> None:
    """Seen elsewhere: the laptop's network was gone, and every provider was cooled down."""
    egress = both_failed()

    assert egress.down(NOW + 1.0)
    assert egress.blame(A, NOW, now=NOW + 1.0) is OWN_EGRESS
    assert egress.blame(B, NOW + 1.0, now=NOW + 1.0) is OWN_EGRESS


def test_one_of_two_hosts_failing_is_that_host() -> None:
    egress = watch()
    for second in range(10):
        egress.connect_failed(A, NOW + second)

    assert not egress.down(NOW + 9.0)
    assert egress.blame(A, NOW, now=NOW + 9.0) is COUNTS


def test_two_of_three_hosts_failing_are_those_hosts() -> None:
    egress = watch(A, B, C)
    egress.connect_failed(A, NOW)
    egress.connect_failed(B, NOW)

    assert not egress.down(NOW)
    egress.connect_failed(C, NOW + 1.0)
    assert egress.down(NOW + 1.0)


def test_the_only_remote_host_failing_is_that_host_at_once() -> None:
    egress = watch(A)
    egress.connect_failed(A, NOW)

    assert not egress.down(NOW)
    assert egress.blame(A, NOW, now=NOW) is COUNTS


def test_one_name_for_two_targets_is_one_host() -> None:
    egress = watch(A, A)
    egress.connect_failed(A, NOW)

    assert not egress.down(NOW)


def test_a_local_target_that_fails_is_judged_at_once_and_says_nothing_about_the_egress() -> None:
    egress = watch()
    egress.connect_failed("localhost", NOW)
    egress.connect_failed(A, NOW)

    assert egress.blame("localhost", NOW, now=NOW) is COUNTS
    assert not egress.down(NOW)


def test_failures_two_seconds_apart_have_nothing_in_common() -> None:
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connect_failed(B, NOW + TOGETHER)

    assert not egress.down(NOW + TOGETHER)


def test_failures_a_little_less_apart_have() -> None:
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connect_failed(B, NOW + TOGETHER - 0.001)

    assert egress.down(NOW + TOGETHER)


def test_the_last_failure_of_a_host_is_what_counts() -> None:
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connect_failed(A, NOW + 5.0)
    egress.connect_failed(B, NOW + 6.0)

    assert egress.down(NOW + 6.0)
    assert egress.blame(A, NOW, now=NOW + 6.0) is COUNTS
    assert egress.blame(A, NOW + 5.0, now=NOW + 6.0) is OWN_EGRESS


def test_every_failure_that_is_not_settled_has_the_one_cause() -> None:
    """The first try of a target that was tried twice opened its breaker all the same."""
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connect_failed(A, NOW + 0.5)
    egress.connect_failed(B, NOW + 1.0)

    assert egress.blame(A, NOW, now=NOW + 1.0) is OWN_EGRESS
    assert egress.blame(A, NOW + 0.5, now=NOW + 1.0) is OWN_EGRESS


def test_what_failed_before_somebody_connected_has_another_cause() -> None:
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connected(B, NOW + 0.2)
    egress.connect_failed(A, NOW + 0.5)
    egress.connect_failed(B, NOW + 1.0)

    assert egress.blame(A, NOW, now=NOW + 1.0) is COUNTS
    assert egress.blame(A, NOW + 0.5, now=NOW + 1.0) is OWN_EGRESS


@pytest.mark.parametrize("connected", [True, False])
def test_what_counts_at_once_goes_on_counting(connected: bool) -> None:
    """Its breaker has counted it by then, and the hop has said whose fault it was."""
    egress, settled = watch(), settles_at(NOW)
    egress.connect_failed(A, NOW)
    if connected:
        egress.connected(B, NOW)
        settled = NOW
    assert egress.blame(A, NOW, now=settled) is COUNTS

    egress.connect_failed(A, settles_at(NOW) - 0.5)
    egress.connect_failed(B, settles_at(NOW))

    assert egress.down(settles_at(NOW))
    assert egress.blame(A, NOW, now=settles_at(NOW)) is COUNTS


# Whose fault a single failure is.


def test_a_single_failure_is_nobodys_until_two_seconds_have_shown_whose() -> None:
    egress = watch()
    egress.connect_failed(A, NOW)

    assert egress.blame(A, NOW, now=NOW) is PENDING
    assert egress.blame(A, NOW, now=NOW + 1.999) is PENDING
    assert egress.blame(A, NOW, now=settles_at(NOW)) is COUNTS


@given(failed_at=st.floats(0.0, 1e9))
def test_every_failure_is_settled_when_its_time_is_up(failed_at: float) -> None:
    """Else who waits until then would ask again and again without time passing."""
    egress = watch()
    egress.connect_failed(A, failed_at)

    assert egress.blame(A, failed_at, now=settles_at(failed_at)) is COUNTS


@pytest.mark.parametrize("host", [A, B])
@pytest.mark.parametrize("later", [0.0, 0.1])
def test_a_failure_counts_at_once_when_anybody_connects(host: str, later: float) -> None:
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connected(host, NOW + later)

    assert egress.blame(A, NOW, now=NOW + later) is COUNTS


def test_who_connected_before_proves_nothing_about_now() -> None:
    egress = watch()
    egress.connected(B, NOW - 0.1)
    egress.connect_failed(A, NOW)

    assert egress.blame(A, NOW, now=NOW) is PENDING


def test_a_connection_in_the_local_network_proves_nothing() -> None:
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connected("localhost", NOW + 0.1)

    assert egress.blame(A, NOW, now=NOW + 0.1) is PENDING


def test_a_connection_between_two_failures_parts_them() -> None:
    egress = watch()
    egress.connect_failed(A, NOW)
    egress.connected(A, NOW + 0.5)
    egress.connect_failed(B, NOW + 1.0)

    assert not egress.down(NOW + 1.0)


# Who is told, and when.


def told_of(egress: EgressWatch, host: str, at: float) -> list[Blame]:
    """What is told of a failure that happens now; empty as long as it is pending."""
    told: list[Blame] = []
    egress.connect_failed(host, at)
    known = egress.when_known(host, at, now=at, told=told.append)
    assert known is bool(told)
    return told


def test_who_waits_is_told_as_soon_as_anybody_connects() -> None:
    """Nobody asked before the time was up: a target that refused got 105 calls instead of 5."""
    egress = watch()
    told = told_of(egress, A, NOW)
    assert told == []

    egress.connected(B, NOW + 0.1)

    assert told == [COUNTS]


def test_who_waits_is_told_as_soon_as_everybody_failed() -> None:
    egress = watch(A, B, C)
    first, second = told_of(egress, A, NOW), told_of(egress, B, NOW + 0.1)
    assert first == second == []

    last = told_of(egress, C, NOW + 0.2)

    assert [first, second, last] == [[OWN_EGRESS]] * 3


def test_who_waits_is_told_when_its_time_is_up() -> None:
    egress = watch()
    first, second = told_of(egress, A, NOW), told_of(egress, A, NOW + 0.5)

    egress.settle(settles_at(NOW))

    assert (first, second) == ([COUNTS], [])


def test_what_is_known_is_told_at_once() -> None:
    assert told_of(watch(A), A, NOW) == [COUNTS]
    assert told_of(both_failed(), A, NOW + 2.0) == [OWN_EGRESS]


@given(
    events=st.lists(
        st.tuples(st.floats(0.0, 4.0), st.sampled_from([A, B, C]), st.booleans()), max_size=20
    )
)
def test_everybody_is_told_once_and_before_the_time_is_up(
    events: list[tuple[float, str, bool]],
) -> None:
    egress, now = watch(A, B, C), NOW
    waiting: list[tuple[float, list[Blame]]] = []
    for pause, host, connects in events:
        now += pause
        for failed_at, told in waiting:
            if settles_at(failed_at) <= now:
                egress.settle(settles_at(failed_at))
                assert len(told) == 1
        if connects:
            egress.connected(host, now)
            assert all(len(told) == 1 for _, told in waiting)
        else:
            waiting.append((now, told_of(egress, host, now)))

    for failed_at, told in waiting:
        egress.settle(settles_at(failed_at))
        assert len(told) == 1


# Who is everybody.


def test_a_host_that_no_call_goes_to_is_not_waited_for() -> None:
    """One target without a key hid that our own way out was down."""
    egress = watch(A, B, C, uncalled=[C])
    egress.connect_failed(A, NOW)
    assert not egress.down(NOW)

    egress.connect_failed(B, NOW + 1.0)

    assert egress.down(NOW + 1.0)


@pytest.mark.parametrize(("key_comes_at", "down"), [(NOW + 0.5, False), (NOW + 1.5, True)])
def test_a_host_is_waited_for_if_calls_go_to_it_now(key_comes_at: float, down: bool) -> None:
    egress = EgressWatch()
    egress.watch(
        [A, B, C], may_be_called=lambda host, now: host != C or now >= key_comes_at, now=NOW
    )
    egress.connect_failed(A, NOW)
    egress.connect_failed(B, NOW + 1.0)

    assert egress.down(NOW + 1.0) is down


def test_who_watches_nothing_blames_everybody() -> None:
    assert told_of(EgressWatch(), A, NOW) == [COUNTS]


def test_a_host_that_no_call_goes_to_any_more_has_failed_all_the_same() -> None:
    """Its last call was the probe that shut it again."""
    egress = watch(A, B, uncalled=[B])
    egress.connect_failed(B, NOW)
    egress.connect_failed(A, NOW + 1.0)

    assert egress.down(NOW + 1.0)
    assert not egress.down(NOW + 1.0 + HOLD)


def test_what_failed_too_long_ago_is_no_company() -> None:
    egress = watch(A, B, uncalled=[B])
    egress.connect_failed(B, NOW)
    egress.connect_failed(A, NOW + TOGETHER)

    assert not egress.down(NOW + TOGETHER)


def test_a_host_that_is_not_called_now_may_yet_tell() -> None:
    """B's breaker is open; its next probe may fail as well, within the two seconds."""
    egress = watch(A, B, uncalled=[B])
    egress.connect_failed(A, NOW)

    assert egress.blame(A, NOW, now=NOW) is PENDING
    egress.connect_failed(B, NOW + 1.0)
    assert egress.blame(A, NOW, now=NOW + 1.0) is OWN_EGRESS


# Another policy.


def test_what_is_known_of_hosts_that_stay_is_kept() -> None:
    egress = watch(A, B)
    told = told_of(egress, A, NOW)
    rewatch(egress, A, C, at=NOW + 0.5)
    assert told == []

    egress.connect_failed(C, NOW + 1.0)

    assert told == [OWN_EGRESS]
    assert egress.down(NOW + 1.0)
    rewatch(egress, A, B, C, at=NOW + 1.5)
    assert egress.due_in(NOW + 1.5) == HOLD - 0.5


def test_what_is_known_of_hosts_that_go_is_forgotten() -> None:
    egress = watch(A, B, C)
    egress.connect_failed(C, NOW)
    rewatch(egress, A, B, at=NOW + 0.5)

    egress.connect_failed(A, NOW + 1.0)

    assert not egress.down(NOW + 1.0)


def test_a_host_that_is_left_alone_is_judged_by_itself() -> None:
    """Nobody could end what two of them had in common."""
    egress = both_failed()
    told = told_of(egress, A, NOW + 20.0)
    assert told == []

    rewatch(egress, A, at=NOW + 20.5)

    assert told == [COUNTS]
    again = both_failed()
    rewatch(again, A, at=NOW + 2.0)
    assert not again.down(NOW + 2.0)
    rewatch(again, A, B, at=NOW + 3.0)
    assert not again.down(NOW + 3.0)


# How long it is down.


def test_it_is_tried_again_after_five_seconds() -> None:
    egress = both_failed()

    assert egress.due_in(NOW + 1.0) == HOLD
    assert egress.down(NOW + 5.9)
    assert not egress.down(NOW + 1.0 + HOLD)
    assert egress.due_in(NOW + 10.0) == 0.0


def test_any_connection_ends_it_at_once() -> None:
    egress = both_failed()
    egress.connected(A, NOW + 2.0)

    assert not egress.down(NOW + 2.0)
    assert egress.blame(A, NOW, now=NOW + 2.0) is OWN_EGRESS
    egress.connect_failed(A, NOW + 3.0)
    assert egress.blame(A, NOW + 3.0, now=NOW + 6.0) is COUNTS


def test_a_connection_after_it_ended_changes_nothing_in_the_past() -> None:
    egress = both_failed()
    egress.connected(A, NOW + 60.0)

    assert egress.blame(B, NOW + 30.0, now=NOW + 60.0) is COUNTS
    assert egress.blame(B, NOW + 1.0, now=NOW + 60.0) is OWN_EGRESS


def test_failures_while_it_is_down_count_against_nobody() -> None:
    egress = both_failed()
    egress.connect_failed(A, NOW + 4.0)

    assert egress.blame(A, NOW + 4.0, now=NOW + 4.0) is OWN_EGRESS


def test_who_fails_when_it_is_tried_again_is_judged_anew() -> None:
    egress, over = both_failed(), NOW + 1.0 + HOLD
    egress.connect_failed(A, over)

    assert egress.blame(A, over, now=over) is PENDING
    assert egress.blame(A, over, now=settles_at(over)) is COUNTS


def test_it_stays_down_while_everybody_goes_on_failing() -> None:
    egress = both_failed()
    egress.connect_failed(A, NOW + 4.0)
    egress.connect_failed(B, NOW + 4.5)

    assert egress.down(NOW + 9.0)
    assert egress.blame(A, NOW, now=NOW + 9.0) is OWN_EGRESS
    assert egress.blame(A, NOW + 4.0, now=NOW + 9.0) is OWN_EGRESS


def test_a_second_time_is_seen_like_the_first() -> None:
    egress = both_failed()
    later = NOW + 100.0
    egress.connect_failed(A, later)
    assert egress.blame(A, later, now=later) is PENDING

    egress.connect_failed(B, later + 0.1)

    assert egress.down(later + 0.1)
    assert egress.blame(A, later, now=later + 0.1) is OWN_EGRESS
    assert egress.blame(A, later - 50.0, now=later + 0.1) is COUNTS


# What is watched.


@pytest.mark.parametrize(
    ("host", "addresses", "outside"),
    [
        ("api.openai.com", ["104.18.7.192"], True),
        ("API.OpenAI.com.", [], True),
        ("api.openai.com", [], True),
        ("8.8.8.8", [], True),
        ("2606:4700::6812:7c0", [], True),
        ("localhost", ["127.0.0.1"], False),
        ("127.0.0.1", [], False),
        ("::1", [], False),
        ("::ffff:10.0.0.7", [], False),
        ("::ffff:8.8.8.8", [], True),
        ("10.0.0.7", [], False),
        ("169.254.169.254", [], False),
        ("100.64.0.1", [], False),
        ("model.example.com", ["10.0.0.7"], False),
        ("model.example.com", ["8.8.8.8", "10.0.0.7"], False),
        ("failsoft-local-llm", ["8.8.8.8"], False),
        ("failsoft-local-llm.", [], False),
        ("failsoft-local-llm.failsoft.svc", [], False),
        ("llm.failsoft.svc.cluster.local", [], False),
        ("printer.local", [], False),
        ("vm.c.project.internal", [], False),
        ("app.localhost", [], False),
        ("local.example.com", [], True),
    ],
)
def test_what_is_near_says_nothing_about_the_way_out(
    host: str, addresses: list[str], outside: bool
) -> None:
    assert is_outside(host, addresses) is outside


@given(
    events=st.lists(
        st.tuples(st.floats(0.0, 4.0), st.sampled_from([A, B, C]), st.booleans()), max_size=20
    )
)
def test_it_is_down_only_if_everybody_failed_together_and_nobody_connected_since(
    events: list[tuple[float, str, bool]],
) -> None:
    egress, now = watch(A, B, C), NOW
    failed: dict[str, float] = {}
    down_until = 0.0
    for pause, host, connects in events:
        now += pause
        if connects:
            egress.connected(host, now)
            failed, down_until = {}, 0.0
        else:
            egress.connect_failed(host, now)
            failed[host] = now
            if len(failed) == 3 and now < min(failed.values()) + TOGETHER:
                down_until = now + HOLD

        assert egress.down(now) == (now < down_until)


def test_who_brings_the_news_is_told_so_once() -> None:
    """The log has one line when it is down and one when it is back, however many call."""
    egress = watch()

    assert [egress.connect_failed(host, NOW) for host in (A, B, A)] == [False, True, False]
    assert [egress.connected(host, NOW + 1.0) for host in (A, B)] == [True, False]


def test_an_outage_is_no_news_however_long_it_lasts() -> None:
    egress = both_failed()
    later = NOW + 1.0 + HOLD

    assert not egress.connect_failed(A, later)
    assert not egress.connect_failed(B, later)
    assert egress.down(later)
    assert egress.connected(A, later + HOLD)
    assert egress.connect_failed(A, later + HOLD) is egress.down(later + HOLD) is False
    assert egress.connect_failed(B, later + HOLD)
