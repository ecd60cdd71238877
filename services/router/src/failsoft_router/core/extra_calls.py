"""How many extra calls a target may be sent, so that they never make an outage worse.

An extra call is one that no caller made: a second attempt, or a probe that is left
running beside its walk. Each call that a caller means for the target pays a part of an
extra one, and so does each second; an extra call takes a whole one out. So over any time
since the account was made

    extra calls <= calls / allowance.calls + seconds / allowance.seconds + 1

The share bounds what a busy target is sent; the time lets a target with little traffic
be tried again, or probed, at all.

The store is bounded: what a quiet hour has saved is not let loose in one second.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What pays for one extra call.

    Attributes:
        calls: So many calls do, if no time passes.
        seconds: So much time does, if no call is made.
        store: Extra calls that can be saved up.
    """

    calls: int
    seconds: float
    store: int


RETRIES = Allowance(calls=10, seconds=1.0, store=10)
"""With every call failing a target gets 1.1 times what callers ask, and one call a second."""

PROBES = Allowance(calls=50, seconds=10.0, store=1)
"""2 %, and one in ten seconds, which is about how often an open breaker is due.

None is saved up: what a second one would find out at the same time, one finds out too.
"""


class ExtraCalls:
    """One target's account for one kind of extra call. It starts with one."""

    def __init__(self, allowance: Allowance, *, now: float) -> None:
        self._allowance = allowance
        self._paid = float(allowance.calls)  # in calls, so that the sums of whole ones are exact
        self._seen = now
        self.spent = 0
        """Extra calls that were taken out, and not given back."""

    def deposit(self, now: float) -> None:
        """A caller means a call for the target."""
        self._pass_to(now)
        self._pay(1.0)

    def allows(self, now: float) -> bool:
        """Whether an extra call could be made now; nothing is taken."""
        self._pass_to(now)
        return self._paid >= self._allowance.calls

    def left(self, now: float) -> float:
        """Extra calls that are saved up now; less than 1: none may be made."""
        self._pass_to(now)
        return self._paid / self._allowance.calls

    def try_spend(self, now: float) -> bool:
        """Take one extra call out; False: there is none."""
        if not self.allows(now):
            return False
        self._paid -= self._allowance.calls
        self.spent += 1
        return True

    def give_back(self) -> None:
        """One that was taken out turned out to be no extra call."""
        self._pay(float(self._allowance.calls))
        self.spent -= 1

    def _pass_to(self, now: float) -> None:
        """Pay in for the time since the last look; an earlier moment changes nothing."""
        if now > self._seen:
            self._pay(self._allowance.calls * (now - self._seen) / self._allowance.seconds)
            self._seen = now

    def _pay(self, calls: float) -> None:
        self._paid = min(float(self._allowance.store * self._allowance.calls), self._paid + calls)
