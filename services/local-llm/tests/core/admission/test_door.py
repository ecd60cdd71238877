"""Who is let in, who waits, who is sent away."""

import math
from collections.abc import Sequence

import pytest

from failsoft_local_llm.core.admission.door import Door, Limits
from failsoft_local_llm.core.admission.pace import ENOUGH, Used
from failsoft_local_llm.core.admission.ticket import Claim, Reason, Stage, Ticket, Work
from failsoft_model.chat import Criticality

NOW = 1000.0
SMALL = Work(prompt=10, output=10)


def limits(
    *, requests: int = 1, tokens: int | None = None, waiting: int = 4, waiting_tokens: int = 10_000
) -> Limits:
    return Limits(requests=requests, tokens=tokens, waiting=waiting, waiting_tokens=waiting_tokens)


def claim(
    tenant: str = "a",
    criticality: Criticality = Criticality.CRITICAL,
    *,
    work: Work = SMALL,
    deadline_at: float = math.inf,
) -> Claim:
    return Claim(tenant=tenant, criticality=criticality, work=work, deadline_at=deadline_at)


def entered(door: Door, *claims: Claim) -> list[Ticket]:
    return [door.enter(each, now=NOW)[0] for each in claims]


def stages(tickets: Sequence[Ticket]) -> list[Stage]:
    return [ticket.stage for ticket in tickets]


def trained(door: Door, *, seconds: float) -> Door:
    """Every request of 20 tokens has taken that long so far."""
    used = Used(reading=seconds / 2, writing=seconds / 2, written=9, output=10)
    for _ in range(ENOUGH):
        [ticket] = entered(door, claim())
        door.leave(ticket, now=NOW, used=used)
    return door


def order_of_entry(door: Door, tickets: Sequence[Ticket]) -> list[str]:
    """Whose requests come in, when each leaves that is inside."""
    tenants = []
    inside = [ticket for ticket in tickets if ticket.stage is Stage.INSIDE]
    while inside:
        tenants += [ticket.claim.tenant for ticket in inside]
        inside = [changed for ticket in inside for changed in door.leave(ticket, now=NOW)]
    return tenants


def test_as_many_as_there_are_places_are_inside_and_the_next_waits_its_turn() -> None:
    door = Door(limits(requests=2))
    tickets = entered(door, claim(), claim(), claim())
    assert stages(tickets) == [Stage.INSIDE, Stage.INSIDE, Stage.WAITING]

    changed = door.leave(tickets[0], now=NOW)

    assert changed == [tickets[2]]
    assert tickets[2].stage is Stage.INSIDE


def test_what_does_not_fit_the_kv_cache_waits_although_places_are_free() -> None:
    door = Door(limits(requests=8, tokens=100))
    tickets = entered(door, claim(work=Work(prompt=60, output=20)), claim(work=Work(prompt=30)))

    assert stages(tickets) == [Stage.INSIDE, Stage.WAITING]


def test_a_request_that_is_larger_than_the_cache_is_let_in_alone() -> None:
    """It would wait for ever; the engine knows what to do with it."""
    door = Door(limits(requests=8, tokens=100))

    assert stages(entered(door, claim(work=Work(prompt=500)))) == [Stage.INSIDE]


def test_small_ones_do_not_pass_a_big_one_for_ever() -> None:
    door = Door(limits(requests=8, tokens=100))
    first, big, small = entered(
        door, claim(work=Work(prompt=60)), claim("b", work=Work(prompt=60)), claim("c")
    )

    assert stages([big, small]) == [Stage.WAITING, Stage.WAITING]
    assert door.leave(first, now=NOW) == [big, small]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    door = trained(Door(limits(requests=2, waiting=1)), seconds=4.0)
    *_, refused = entered(door, claim(), claim(), claim(), claim())

    assert refused.refusal is not None
    assert refused.refusal.reason is Reason.FULL
    assert refused.refusal.retry_after == pytest.approx(2.0, rel=0.1)
    assert refused.refusal.error().retry_after == refused.refusal.retry_after


def test_the_queue_is_bounded_in_tokens_too() -> None:
    door = Door(limits(waiting=100, waiting_tokens=50))
    tickets = entered(door, *[claim()] * 5)

    assert stages(tickets) == [Stage.INSIDE, *[Stage.WAITING] * 2, *[Stage.REFUSED] * 2]


def test_requests_that_only_the_engine_still_holds_take_places_too() -> None:
    """Otherwise callers who ask and hang up at once could fill the engine without end."""
    door = Door(limits(waiting=2))
    entered(door, claim())

    ticket, _ = door.enter(claim(), now=NOW, held=2)

    assert ticket.stage is Stage.REFUSED


def test_who_cannot_be_in_time_is_refused_at_once() -> None:
    """The caller's router has somebody else to ask, as long as there is time left for it."""
    door = trained(Door(limits(waiting=10)), seconds=4.0)
    tickets = entered(door, claim(), claim(), claim())

    late, hopeful = entered(door, claim(deadline_at=NOW + 15.0), claim(deadline_at=NOW + 17.0))

    assert late.refusal is not None
    assert late.refusal.reason is Reason.LATE
    assert hopeful.stage is Stage.WAITING
    assert stages(tickets) == [Stage.INSIDE, Stage.WAITING, Stage.WAITING]


def test_many_places_empty_a_queue_faster_than_one() -> None:
    door = trained(Door(limits(requests=4, waiting=10)), seconds=4.0)
    entered(door, *[claim()] * 8)

    [ticket] = entered(door, claim(deadline_at=NOW + 12.0))

    assert ticket.stage is Stage.WAITING


def test_those_who_matter_more_are_waited_for_too() -> None:
    door = trained(Door(limits(waiting=10)), seconds=4.0)
    entered(door, *[claim(criticality=Criticality.CRITICAL_PLUS)] * 4)

    late, hopeful = entered(
        door,
        claim("b", deadline_at=NOW + 15.0),
        claim("b", Criticality.CRITICAL_PLUS, deadline_at=NOW + 15.0),
    )

    assert stages([late, hopeful]) == [Stage.REFUSED, Stage.WAITING]


def test_nobody_is_refused_for_what_was_never_measured() -> None:
    door = Door(limits(waiting=10))
    tickets = entered(door, *[claim(deadline_at=NOW + 0.1)] * 5)

    assert stages(tickets) == [Stage.INSIDE, *[Stage.WAITING] * 4]


def test_a_free_place_is_given_also_to_who_is_in_a_hurry() -> None:
    """The expectation is a mean; an idle engine costs nobody anything."""
    door = trained(Door(limits()), seconds=4.0)

    assert stages(entered(door, claim(deadline_at=NOW + 1.0))) == [Stage.INSIDE]


def test_who_has_no_time_left_gets_not_even_a_free_place() -> None:
    assert stages(entered(Door(limits()), claim(deadline_at=NOW))) == [Stage.REFUSED]


def test_who_got_too_late_while_waiting_makes_room_for_the_next() -> None:
    door = Door(limits())
    first, late, punctual = entered(door, claim(), claim(deadline_at=NOW + 1.0), claim())

    changed = door.leave(first, now=NOW + 2.0)

    assert changed == [late, punctual]
    assert stages([late, punctual]) == [Stage.REFUSED, Stage.INSIDE]


def test_who_gives_up_is_late_and_who_is_inside_cannot() -> None:
    door = Door(limits())
    inside, waiting = entered(door, claim(), claim())

    for ticket in (inside, waiting):
        door.give_up(ticket, now=NOW)

    assert stages([inside, waiting]) == [Stage.INSIDE, Stage.REFUSED]


def test_a_higher_criticality_goes_first() -> None:
    door = Door(limits(waiting=10))
    low, high = Criticality.SHEDDABLE, Criticality.CRITICAL_PLUS
    tickets = entered(door, claim("in"), claim("low", low), claim("mid"), claim("high", high))

    assert order_of_entry(door, tickets) == ["in", "high", "mid", "low"]


def test_a_full_queue_sends_away_who_matters_less_and_never_who_is_inside() -> None:
    door = Door(limits(waiting=2))
    low, high = Criticality.SHEDDABLE, Criticality.CRITICAL
    inside, older, newer = entered(door, *[claim(criticality=low)] * 3)

    ticket, sent_away = door.enter(claim("b", high), now=NOW)

    assert sent_away == [newer]
    assert newer.refusal is not None
    assert newer.refusal.reason is Reason.PUSHED_OUT
    assert stages([ticket, inside, older]) == [Stage.WAITING, Stage.INSIDE, Stage.WAITING]


def test_nobody_is_sent_away_when_that_would_not_be_enough() -> None:
    door = Door(limits(waiting=10, waiting_tokens=100))
    _, waiting = entered(door, claim(), claim(criticality=Criticality.SHEDDABLE))

    ticket, sent_away = door.enter(claim(work=Work(prompt=101)), now=NOW)

    assert (ticket.stage, sent_away) == (Stage.REFUSED, ())
    assert waiting.stage is Stage.WAITING


def test_tenants_take_turns_however_many_requests_one_has() -> None:
    door = Door(limits(waiting=10))
    tickets = entered(door, claim("a"), *[claim("a")] * 4, *[claim("b")] * 2)

    assert order_of_entry(door, tickets) == ["a", "a", "b", "a", "b", "a", "a"]


def test_turns_are_of_tokens_and_not_of_requests() -> None:
    door = Door(limits(waiting=10))
    big = Work(prompt=40)
    tickets = entered(door, claim("x"), *[claim("a", work=big)] * 2, *[claim("b")] * 4)

    assert order_of_entry(door, tickets) == ["x", "a", "b", "b", "a", "b", "b"]


def test_turns_are_not_saved_up() -> None:
    """Who asks for the first time in an hour is next, and not next ten times."""
    door = Door(limits(waiting=20))
    tickets = entered(door, *[claim("a")] * 8)
    for ticket in tickets[:5]:
        door.leave(ticket, now=NOW)
    tickets += entered(door, *[claim("b")] * 3)

    assert order_of_entry(door, tickets[5:]) == ["a", "b", "a", "b", "a", "b"]


def test_what_a_tenant_had_in_an_earlier_crowd_does_not_count() -> None:
    door = Door(limits(waiting=20))
    order_of_entry(door, entered(door, *[claim("a")] * 5, claim("b")))

    tickets = entered(door, claim("x"), *[claim("a")] * 2, *[claim("b")] * 2)

    assert order_of_entry(door, tickets) == ["x", "a", "b", "a", "b"]


def test_a_tenant_that_fills_the_queue_gives_way_to_another() -> None:
    door = Door(limits(waiting=4))
    tickets = entered(door, *[claim("a")] * 5)

    others = [door.enter(claim("b"), now=NOW) for _ in range(3)]

    assert [ticket.stage for ticket, _ in others] == [Stage.WAITING, Stage.WAITING, Stage.REFUSED]
    assert [sent_away for _, sent_away in others] == [[tickets[4]], [tickets[3]], ()]


def test_who_hangs_up_while_waiting_frees_the_place() -> None:
    door = Door(limits(waiting=1))
    _, waiting = entered(door, claim(), claim())

    door.leave(waiting, now=NOW)

    assert door.waiting_tokens == 0
    assert stages(entered(door, claim())) == [Stage.WAITING]


def test_a_request_counts_as_what_its_prompt_turned_out_to_be() -> None:
    door = Door(limits(requests=8, tokens=100))
    inside, waiting = entered(door, claim(work=Work(prompt=90)), claim(work=Work(prompt=20)))
    assert waiting.stage is Stage.WAITING

    assert door.amend(waiting, Work(prompt=30), now=NOW) == []
    assert door.waiting_tokens == 30
    assert door.amend(inside, Work(prompt=70), now=NOW) == [waiting]
    assert door.working == Work(prompt=100)


def test_who_turns_out_too_big_for_the_room_steps_back_and_is_first_in_line() -> None:
    """Guesses are of English text: eight prompts in Chinese took seven times the KV cache."""
    door = Door(limits(requests=8, tokens=1000))
    guessed, real = Work(prompt=100, output=25), Work(prompt=900, output=25)
    tickets = entered(door, *[claim(work=guessed)] * 8, claim("b", work=Work(prompt=900)))

    for ticket in tickets[:8]:
        door.amend(ticket, real, now=NOW)

    assert stages(tickets) == [*[Stage.WAITING] * 7, Stage.INSIDE, Stage.WAITING]
    assert door.working == real
    assert door.waiting_tokens == 7 * real.tokens + 900
    door.leave(tickets[7], now=NOW)
    assert [ticket.claim.tenant for ticket in tickets if ticket.stage is Stage.INSIDE] == ["a"]


def test_who_steps_back_is_not_sent_away_for_a_full_queue() -> None:
    door = Door(limits(requests=2, tokens=100, waiting=0, waiting_tokens=0))
    first, second = entered(door, *[claim(work=Work(prompt=50))] * 2)

    assert door.amend(second, Work(prompt=60), now=NOW) == [second]
    assert stages([second]) == [Stage.WAITING]
    assert door.leave(first, now=NOW) == [second]
    assert stages([second]) == [Stage.INSIDE]


def test_who_waits_is_not_sent_away_for_one_that_steps_back() -> None:
    """Each prompt is some tokens more than was guessed, and that was enough to be `full`."""
    door = Door(limits(requests=2, tokens=100, waiting=4, waiting_tokens=50))
    half = claim(work=Work(prompt=50))
    _, back, waiting = entered(door, half, half, claim("b", work=Work(prompt=10)))
    assert door.amend(back, Work(prompt=60), now=NOW) == [back]

    assert door.amend(waiting, Work(prompt=11), now=NOW) == []
    assert stages([back, waiting]) == [Stage.WAITING, Stage.WAITING]
    assert door.amend(back, Work(prompt=70), now=NOW) == []

    assert door.amend(waiting, Work(prompt=51), now=NOW) == [waiting]
    assert stages([back, waiting]) == [Stage.WAITING, Stage.REFUSED]


def test_who_stepped_back_is_not_sent_away_for_who_waits_with_more() -> None:
    """It takes none of the room to wait, so sending it away would make none."""
    door = Door(limits(requests=2, tokens=100, waiting=4, waiting_tokens=70))
    half, more = Work(prompt=50), Work(prompt=60)
    _, back, waiting = entered(
        door,
        claim(work=half),
        claim("a", Criticality.SHEDDABLE, work=half),
        claim("b", Criticality.SHEDDABLE_PLUS, work=more),
    )
    assert door.amend(back, Work(prompt=60), now=NOW) == [back]

    assert door.amend(waiting, Work(prompt=71), now=NOW) == [waiting]

    assert stages([back, waiting]) == [Stage.WAITING, Stage.REFUSED]


def test_who_steps_back_has_not_had_its_turn() -> None:
    """Its tenant would pay for the guess, and then once more for what it really is."""
    door = Door(limits(requests=2, tokens=1000))
    half = claim("x", work=Work(prompt=500))
    first, second, back, other = entered(door, half, half, claim("a"), claim("b"))
    assert door.leave(first, now=NOW) == [back]

    assert door.amend(back, Work(prompt=900), now=NOW) == [back]

    assert stages([back, other]) == [Stage.WAITING, Stage.WAITING]
    assert door.leave(second, now=NOW)[0] is back


def test_who_is_alone_inside_may_be_as_big_as_it_likes() -> None:
    door = Door(limits(requests=2, tokens=100))
    [only] = entered(door, claim())

    assert door.amend(only, Work(prompt=500), now=NOW) == []
    assert only.stage is Stage.INSIDE


def test_who_waits_with_more_than_it_was_thought_to_is_refused_where_there_is_no_room() -> None:
    """Guesses of ten tokens that were eight thousand kept everybody else from waiting."""
    door = Door(limits(waiting=32, waiting_tokens=1000))
    _, *waiting = entered(door, *[claim(work=Work(prompt=10))] * 5)

    door.amend(waiting[0], Work(prompt=900), now=NOW)
    assert door.amend(waiting[1], Work(prompt=900), now=NOW) == [waiting[1]]

    assert stages(waiting) == [Stage.WAITING, Stage.REFUSED, Stage.WAITING, Stage.WAITING]
    assert waiting[1].refusal is not None
    assert waiting[1].refusal.reason is Reason.FULL
    assert stages(entered(door, claim("b", work=Work(prompt=10)))) == [Stage.WAITING]


def test_who_waits_with_more_than_it_was_thought_to_takes_the_place_of_those_who_matter_less() -> (
    None
):
    door = Door(limits(waiting=32, waiting_tokens=1000))
    _, less, more = entered(
        door,
        claim(),
        claim(criticality=Criticality.SHEDDABLE, work=Work(prompt=500)),
        claim(work=Work(prompt=10)),
    )

    assert door.amend(more, Work(prompt=900), now=NOW) == [less]

    assert stages([less, more]) == [Stage.REFUSED, Stage.WAITING]
    assert less.refusal is not None
    assert less.refusal.reason is Reason.PUSHED_OUT


def test_who_waits_with_less_than_it_was_thought_to_sends_nobody_away() -> None:
    door = Door(limits(requests=1, waiting_tokens=100))
    _, waiting = entered(door, *[claim(work=Work(prompt=90))] * 2)
    door.set_limits(limits(requests=1, waiting_tokens=50), now=NOW)

    assert door.amend(waiting, Work(prompt=80), now=NOW) == []
    assert waiting.stage is Stage.WAITING


def test_a_smaller_engine_lets_fewer_in_and_keeps_who_is_inside() -> None:
    door = Door(limits(requests=2))
    first, second, waiting = entered(door, *[claim()] * 3)

    door.set_limits(limits(requests=1), now=NOW)

    assert door.leave(first, now=NOW) == []
    assert door.leave(second, now=NOW) == [waiting]
