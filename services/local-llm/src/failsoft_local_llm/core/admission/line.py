"""Those of one criticality who wait: fair between tenants, in the order of coming within each.

Stride scheduling: each tenant has a mark that moves on by the tokens that it is let in with, and
the lowest mark is next. Who comes back after a while starts where the others are, so nobody saves
up turns, and a tenant with a thousand requests gets no more than one with ten.

Who was let in by mistake and is put back waits here too, but takes nobody's place in the queue:
the bounds of it are about the queued, and only they may be sent away.
"""

from failsoft_local_llm.core.admission.ticket import Ticket, Work


class Line:
    """Tickets that wait."""

    def __init__(self) -> None:
        self._tenants: dict[str, dict[Ticket, None]] = {}
        self._works: dict[str, Work] = {}
        self._marks: dict[str, float] = {}
        self._reached = 0.0
        self._back: dict[Ticket, None] = {}
        """Who was put back."""
        self.work = Work()
        """Of all who wait."""
        self.length = 0

    @property
    def queued(self) -> int:
        """Requests that wait and were not put back."""
        return self.length - len(self._back)

    @property
    def queued_tokens(self) -> int:
        """Tokens of the requests that wait and were not put back."""
        return self.work.tokens - sum(each.claim.work.tokens for each in self._back)

    def add(self, ticket: Ticket) -> None:
        """At the end of its tenant's own line."""
        tenant = ticket.claim.tenant
        if tenant not in self._tenants:
            self._tenants[tenant] = {}
            self._marks[tenant] = max(self._marks.get(tenant, 0.0), self._reached)
        self._tenants[tenant][ticket] = None
        self._count(ticket)

    def put_back(self, ticket: Ticket) -> None:
        """Before everybody: it was let in by mistake, and its turn is still to come."""
        tenant = ticket.claim.tenant
        own = {ticket: None, **self._tenants.pop(tenant, {})}
        self._tenants = {tenant: own, **self._tenants}
        self._marks[tenant] = self._reached
        self._back[ticket] = None
        self._count(ticket)

    def remove(self, ticket: Ticket) -> None:
        """It waits no longer, for whatever reason."""
        tenant, work = ticket.claim.tenant, ticket.claim.work
        del self._tenants[tenant][ticket]
        self._back.pop(ticket, None)
        self._works[tenant] -= work
        self.work -= work
        self.length -= 1
        if not self._tenants[tenant]:
            del self._tenants[tenant], self._works[tenant]
            self._forget()

    def let_in(self, ticket: Ticket) -> None:
        """It waits no longer, and its tenant has had that turn."""
        tenant = ticket.claim.tenant
        self._reached = self._marks[tenant]
        self._marks[tenant] += ticket.claim.work.tokens
        self.remove(ticket)

    def measured_anew(self, ticket: Ticket, *, before: Work) -> None:
        """The claim of a ticket that waits has changed; `before`: what it was."""
        change = ticket.claim.work - before
        self._works[ticket.claim.tenant] += change
        self.work += change

    def head(self) -> Ticket | None:
        """Who is next; None: nobody waits."""
        if not self._tenants:
            return None
        return next(iter(self._tenants[min(self._tenants, key=self._marks.__getitem__)]))

    def ahead_of(self, tenant: str, work: Work) -> Work:
        """What is let in before a request of that tenant and that work, if it came now.

        Of its own tenant everything; of each other only so much until both have had the same.
        """
        own = self._works.get(tenant, Work())
        share = (own + work).tokens
        ahead = own
        for other, waiting in self._works.items():
            if other != tenant:
                ahead += waiting.at_most(share)
        return ahead

    def queued_tokens_of(self, tenant: str) -> int:
        """Tokens of a tenant's requests that wait and were not put back."""
        own = self._works.get(tenant, Work()).tokens
        return own - sum(
            each.claim.work.tokens for each in self._back if each.claim.tenant == tenant
        )

    def last_of_greediest(self) -> Ticket | None:
        """The latest queued request of the tenant that has the most; None: there is none."""
        latest = {
            tenant: last
            for tenant, tickets in self._tenants.items()
            if (last := next((each for each in reversed(tickets) if each not in self._back), None))
        }
        return latest[max(latest, key=self.queued_tokens_of)] if latest else None

    def _count(self, ticket: Ticket) -> None:
        """One more waits."""
        tenant, work = ticket.claim.tenant, ticket.claim.work
        self._works[tenant] = self._works.get(tenant, Work()) + work
        self.work += work
        self.length += 1

    def _forget(self) -> None:
        """Marks that others have passed, or that nobody is there to compare with."""
        self._marks = {
            tenant: mark
            for tenant, mark in self._marks.items()
            if self._tenants and (tenant in self._tenants or mark > self._reached)
        }
        if not self._tenants:
            self._reached = 0.0
