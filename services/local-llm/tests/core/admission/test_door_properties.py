"""Whatever comes and goes, in whatever order: nobody is lost, nobody is let in too many."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from failsoft_local_llm.core.admission.door import PRECEDENCE, Door, Limits
from failsoft_local_llm.core.admission.pace import Used
from failsoft_local_llm.core.admission.ticket import Claim, Stage, Ticket, Work
from failsoft_model.chat import Criticality

REQUESTS, TOKENS, WAITING, WAITING_TOKENS = 3, 120, 6, 240
WORKS = st.builds(Work, prompt=st.integers(0, 80), output=st.integers(1, 60))


class AnyDay(RuleBasedStateMachine):
    """The reference is a plain list of everybody who ever came, counted anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.door = Door(
            Limits(requests=REQUESTS, tokens=TOKENS, waiting=WAITING, waiting_tokens=WAITING_TOKENS)
        )
        self.all: list[Ticket] = []
        self.seen: dict[Ticket, Stage] = {}
        self.stepped_back: set[Ticket] = set()

    @rule(
        tenant=st.sampled_from("abc"),
        criticality=st.sampled_from(PRECEDENCE),
        work=WORKS,
        left=st.one_of(st.just(math.inf), st.floats(0.0, 60.0)),
    )
    def come(self, tenant: str, criticality: Criticality, work: Work, left: float) -> None:
        claim = Claim(
            tenant=tenant,
            criticality=criticality,
            work=work,
            deadline_at=self.now + left,
        )
        ticket, sent_away = self.door.enter(claim, now=self.now)
        self.all.append(ticket)
        for victim in sent_away:
            assert self.seen[victim] is Stage.WAITING
            assert ticket.stage is Stage.WAITING
            assert PRECEDENCE.index(victim.claim.criticality) >= PRECEDENCE.index(claim.criticality)
        self.changed(ticket, *sent_away)

    @precondition(lambda self: self.of(Stage.INSIDE, Stage.WAITING))
    @rule(data=st.data(), seconds=st.floats(0.0, 30.0), output=st.integers(0, 60))
    def leave(self, data: st.DataObject, seconds: float, output: int) -> None:
        ticket = data.draw(st.sampled_from(self.of(Stage.INSIDE, Stage.WAITING)))
        used = Used(reading=seconds / 3, writing=seconds, written=output - 1, output=output)
        self.changed(ticket, *self.door.leave(ticket, now=self.now, used=used if output else None))

    @precondition(lambda self: self.of(Stage.WAITING))
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.of(Stage.WAITING)))
        self.changed(ticket, *self.door.give_up(ticket, now=self.now))

    @precondition(lambda self: self.of(Stage.INSIDE, Stage.WAITING))
    @rule(data=st.data(), work=WORKS)
    def learn_the_prompt(self, data: st.DataObject, work: Work) -> None:
        ticket = data.draw(st.sampled_from(self.of(Stage.INSIDE, Stage.WAITING)))
        changed = self.door.amend(ticket, work, now=self.now)
        if self.seen[ticket] is Stage.INSIDE and ticket.stage is not Stage.INSIDE:
            self.stepped_back.add(ticket)
            self.seen[ticket] = Stage.WAITING
        self.changed(*changed)

    @rule(seconds=st.floats(0.0, 20.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    def of(self, *stages: Stage) -> list[Ticket]:
        return [ticket for ticket in self.all if ticket.stage in stages]

    def changed(self, *tickets: Ticket) -> None:
        """Only these have got another stage."""
        for ticket in self.all:
            assert ticket in tickets or self.seen[ticket] is ticket.stage
            before = self.seen.get(ticket)
            assert before not in (Stage.REFUSED, Stage.GONE) or before is ticket.stage
            assert before is not Stage.INSIDE or ticket.stage in (Stage.INSIDE, Stage.GONE)
            if before is not Stage.INSIDE and ticket.stage is Stage.INSIDE:
                self.nobody_before(ticket)
            self.seen[ticket] = ticket.stage

    def nobody_before(self, ticket: Ticket) -> None:
        rank = PRECEDENCE.index(ticket.claim.criticality)
        for other in self.of(Stage.WAITING):
            assert PRECEDENCE.index(other.claim.criticality) >= rank

    @invariant()
    def the_counts_are_those_of_the_tickets(self) -> None:
        inside, waiting = self.of(Stage.INSIDE), self.of(Stage.WAITING)
        assert self.door.running == len(inside) <= REQUESTS
        assert self.door.waiting == len(waiting)
        assert self.door.working == sum((each.claim.work for each in inside), Work())
        assert self.door.waiting_tokens == sum(each.claim.work.tokens for each in waiting)

    @invariant()
    def both_rooms_are_kept(self) -> None:
        assert len(self.of(Stage.INSIDE)) <= 1 or self.door.working.tokens <= TOKENS
        waiting = [each for each in self.of(Stage.WAITING) if each not in self.stepped_back]
        assert len(waiting) <= WAITING
        assert sum(each.claim.work.tokens for each in waiting) <= WAITING_TOKENS

    @invariant()
    def nobody_waits_before_an_empty_room(self) -> None:
        assert self.of(Stage.INSIDE) or not self.of(Stage.WAITING)

    @invariant()
    def a_refusal_says_when_to_come_back(self) -> None:
        for ticket in self.of(Stage.REFUSED):
            assert ticket.refusal is not None
            assert 0.0 < ticket.refusal.retry_after <= 5.0


AnyDay.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyDay = AnyDay.TestCase
