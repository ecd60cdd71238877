"""The door to the engine: who is inside, who waits before it, who is sent away.

    (comes) --there is room, and nobody is before it--> inside
    (comes) --it has to wait, and will be in time--> waiting
    (comes) --no place to wait, or it would be too late--> refused
    waiting --its turn--> inside
    waiting --a request that matters more needs its place, or too late--> refused
    waiting --it turns out to be bigger than there is room to wait--> refused
    inside --it turns out to be bigger than there is room inside--> waiting, before all others
    waiting, inside --its caller has left, or it is answered--> gone

Room inside is counted in requests and in tokens of the KV cache, room before the door likewise.
A higher criticality always goes first; within one, tenants take turns by tokens (`Line`).
A full queue is made room in by sending away who matters less, and else the latest of a tenant
that has more waiting than the newcomer's will have; who is inside is never sent away, nor who was.
So the lowest criticality may wait in vain for as long as higher ones fill the engine.

Who is first and does not fit yet is waited for: otherwise small ones would pass a big one for ever.

A request is let in by a guess. When its tokens are known, before the engine is asked for it, the
claim is amended, and both rooms are kept all the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from failsoft_local_llm.core.admission.line import Line
from failsoft_local_llm.core.admission.pace import Pace, Used
from failsoft_local_llm.core.admission.ticket import Claim, Reason, Refusal, Stage, Ticket, Work
from failsoft_model.chat import Criticality

PRECEDENCE = (
    Criticality.CRITICAL_PLUS,
    Criticality.CRITICAL,
    Criticality.SHEDDABLE_PLUS,
    Criticality.SHEDDABLE,
)
"""Who goes first."""
_SOONEST_RETRY_SECONDS = 0.25
_LATEST_RETRY_SECONDS = 5.0
"""A router calls nobody here until then, not even for those who matter most."""
_USUAL_RETRY_SECONDS = 1.0
"""Before anything was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much there is room for."""

    requests: int
    """Answered at once; at least 1."""
    tokens: int | None
    """Of the KV cache; None: not limited."""
    waiting: int
    """Requests; 0: nobody waits."""
    waiting_tokens: int


class Door:
    """Not thread-safe: call it from one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines = {criticality: Line() for criticality in PRECEDENCE}
        self._inside: set[Ticket] = set()
        self._pace = Pace()
        self.working = Work()
        """Of those inside."""

    @property
    def running(self) -> int:
        """Requests that are inside."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return sum(line.length for line in self._lines.values())

    @property
    def waiting_tokens(self) -> int:
        """Tokens of all requests that wait."""
        return sum(line.work.tokens for line in self._lines.values())

    @property
    def token_room(self) -> int | None:
        """Tokens that may be inside at once; None: not limited."""
        return self._limits.tokens

    @property
    def _queued(self) -> int:
        return sum(line.queued for line in self._lines.values())

    @property
    def _queued_tokens(self) -> int:
        return sum(line.queued_tokens for line in self._lines.values())

    def set_limits(self, limits: Limits, *, now: float) -> Sequence[Ticket]:
        """Another engine has more room, or less; who is inside stays. Who has got another stage."""
        self._limits = limits
        return self._let_in(now)

    def enter(self, claim: Claim, *, now: float, held: int = 0) -> tuple[Ticket, Sequence[Ticket]]:
        """A request comes.

        Args:
            held: Requests that the engine still holds although their callers have left.

        Returns:
            Its ticket, and the others that have got another stage by its coming.
        """
        ticket = Ticket(claim=claim, latest_start=self._latest_start(claim))
        if now >= claim.deadline_at:
            return self._refused(ticket, Reason.LATE), ()
        if self._goes_first(claim) and self._fits(claim.work):
            ticket.expected_wait = 0.0
            self._take_in(ticket)
            return ticket, ()
        ticket.expected_wait = wait = self._expected_wait(claim)
        if wait is not None and now + wait > ticket.latest_start:
            return self._refused(ticket, Reason.LATE), ()
        sent_away = self._make_room(
            claim,
            requests=self._queued + held + 1 - self._limits.waiting,
            tokens=self._queued_tokens + claim.work.tokens - self._limits.waiting_tokens,
            mine=self._line(ticket).queued_tokens_of(claim.tenant) + claim.work.tokens,
        )
        if sent_away is None:
            return self._refused(ticket, Reason.FULL), ()
        self._line(ticket).add(ticket)
        return ticket, sent_away

    def amend(self, ticket: Ticket, work: Work, *, now: float) -> Sequence[Ticket]:
        """What a request asks for is known better now. Returns who has got another stage.

        One that is inside may have to step back, so the engine must not be asked for it yet.
        """
        before, ticket.claim = ticket.claim.work, replace(ticket.claim, work=work)
        ticket.latest_start = self._latest_start(ticket.claim)
        changed: Sequence[Ticket] = ()
        if ticket.stage is Stage.INSIDE:
            self.working += work - before
            if self._crowded():
                changed = self._step_back(ticket)
        elif ticket.stage is Stage.WAITING:
            self._line(ticket).measured_anew(ticket, before=before)
            if work.tokens > before.tokens:
                changed = self._keep_within_bounds(ticket)
        return [*changed, *self._let_in(now)]

    def give_up(self, ticket: Ticket, *, now: float) -> Sequence[Ticket]:
        """It is too late for a request that waits. Returns who has got another stage."""
        if ticket.stage is Stage.WAITING:
            self._line(ticket).remove(ticket)
            self._refused(ticket, Reason.LATE)
        return self._let_in(now)

    def leave(self, ticket: Ticket, *, now: float, used: Used | None = None) -> Sequence[Ticket]:
        """A request is over, however it ended. Returns who has got another stage.

        Args:
            used: What it has taken of the engine; None: it has got nothing.
        """
        if ticket.stage is Stage.INSIDE:
            self._inside.remove(ticket)
            self.working -= ticket.claim.work
            if used is not None:
                self._pace.learn(ticket.claim.work, used)
        elif ticket.stage is Stage.WAITING:
            self._line(ticket).remove(ticket)
        else:
            return ()
        ticket.stage = Stage.GONE
        return self._let_in(now)

    def retry_after(self) -> float:
        """Seconds until a place is probably free, within what a router should wait."""
        usual = self._next_place()
        if usual is None:
            return _USUAL_RETRY_SECONDS
        return min(_LATEST_RETRY_SECONDS, max(_SOONEST_RETRY_SECONDS, usual))

    def _let_in(self, now: float) -> Sequence[Ticket]:
        """Those whose turn it is, and those for whom it comes too late."""
        changed: list[Ticket] = []
        while (ticket := self._head()) is not None:
            if now > ticket.latest_start:
                self._line(ticket).remove(ticket)
                self._refused(ticket, Reason.LATE)
            elif self._fits(ticket.claim.work):
                self._line(ticket).let_in(ticket)
                self._take_in(ticket)
            else:
                break
            changed.append(ticket)
        return changed

    def _take_in(self, ticket: Ticket) -> None:
        ticket.stage = Stage.INSIDE
        self._inside.add(ticket)
        self.working += ticket.claim.work

    def _crowded(self) -> bool:
        """Whether those inside may take more of the KV cache than there is of it, together."""
        room = self._limits.tokens
        return len(self._inside) > 1 and room is not None and self.working.tokens > room

    def _step_back(self, ticket: Ticket) -> Sequence[Ticket]:
        """It goes in as soon as there is room for it; no bound of the queue is held against it."""
        self._inside.remove(ticket)
        self.working -= ticket.claim.work
        ticket.stage = Stage.WAITING
        self._line(ticket).put_back(ticket)
        return [ticket]

    def _keep_within_bounds(self, ticket: Ticket) -> Sequence[Ticket]:
        """That one waits with more than it was thought to: others have to go, or it has."""
        line = self._line(ticket)
        sent_away = self._make_room(
            ticket.claim,
            requests=0,
            tokens=self._queued_tokens - self._limits.waiting_tokens,
            mine=line.queued_tokens_of(ticket.claim.tenant),
        )
        if sent_away is not None:
            return sent_away
        line.remove(ticket)
        return [self._refused(ticket, Reason.FULL)]

    def _refused(self, ticket: Ticket, reason: Reason) -> Ticket:
        ticket.stage = Stage.REFUSED
        ticket.refusal = Refusal(reason=reason, retry_after=self.retry_after())
        return ticket

    def _head(self) -> Ticket | None:
        return next((head for line in self._lines.values() if (head := line.head())), None)

    def _line(self, ticket: Ticket) -> Line:
        return self._lines[ticket.claim.criticality]

    def _fits(self, work: Work) -> bool:
        """Whether there is room inside; one that is alone always has it."""
        if not self._inside:
            return True
        if len(self._inside) >= self._limits.requests:
            return False
        room = self._limits.tokens
        return room is None or self.working.tokens + work.tokens <= room

    def _goes_first(self, claim: Claim) -> bool:
        """Whether nobody waits who would be let in before it."""
        return not any(self._lines[each].length for each in _up_to(claim.criticality))

    def _make_room(
        self, claim: Claim, *, requests: int, tokens: int, mine: int
    ) -> Sequence[Ticket] | None:
        """Sends away whom it takes for that one to wait; None: that would not be enough.

        Args:
            requests: How many there would be too many; may be negative.
            tokens: Likewise.
            mine: Tokens that its tenant waits with, its own included.
        """
        lower = [self._lines[each] for each in reversed(_below(claim.criticality))]
        greedy = self._greedier(claim.criticality, than=mine)
        spare = [*((line.queued, line.queued_tokens) for line in lower)]
        if greedy is not None:
            spare.append((1, greedy.claim.work.tokens))
        if requests > sum(each for each, _ in spare) or tokens > sum(each for _, each in spare):
            return None
        sent_away: list[Ticket] = []
        while requests > 0 or tokens > 0:
            victim = next((last for line in lower if (last := line.last_of_greediest())), greedy)
            if victim is None:
                raise AssertionError("there was room enough to make")
            self._line(victim).remove(victim)
            sent_away.append(self._refused(victim, Reason.PUSHED_OUT))
            requests -= 1
            tokens -= victim.claim.work.tokens
        return sent_away

    def _greedier(self, criticality: Criticality, *, than: int) -> Ticket | None:
        """The last of the tenant that waits with the most, and also without it with so much."""
        line = self._lines[criticality]
        last = line.last_of_greediest()
        if last is None:
            return None
        left = line.queued_tokens_of(last.claim.tenant) - last.claim.work.tokens
        return last if left >= than else None

    def _expected_wait(self, claim: Claim) -> float | None:
        """Seconds until it would be let in, if nobody came any more; None: not known."""
        first = self._next_place()
        higher = sum((self._lines[each].work for each in _above(claim.criticality)), Work())
        ahead = higher + self._lines[claim.criticality].ahead_of(claim.tenant, claim.work)
        seconds = self._pace.seconds(ahead)
        if first is None or seconds is None:
            return None
        return first + seconds / max(1, len(self._inside))

    def _next_place(self) -> float | None:
        """Seconds from one who leaves to the next, as long as all places are taken."""
        inside = max(1, len(self._inside))
        seconds = self._pace.seconds(self.working)
        return None if seconds is None else seconds / inside / inside

    def _latest_start(self, claim: Claim) -> float:
        if claim.deadline_at == math.inf:
            return math.inf
        return claim.deadline_at - (self._pace.seconds(claim.work) or 0.0)


def _above(criticality: Criticality) -> Sequence[Criticality]:
    return PRECEDENCE[: PRECEDENCE.index(criticality)]


def _below(criticality: Criticality) -> Sequence[Criticality]:
    return PRECEDENCE[PRECEDENCE.index(criticality) + 1 :]


def _up_to(criticality: Criticality) -> Sequence[Criticality]:
    return PRECEDENCE[: PRECEDENCE.index(criticality) + 1]
