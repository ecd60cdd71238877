"""How many retries a target may be sent, so that retries never make an outage worse.

Each first attempt pays in a tenth of a retry, each second pays in a whole one; a retry
takes one out. So over any time since the budget was made

    retries <= 0.1 x first attempts + 1/s x seconds + 1

and with every call failing the target gets at most 1.1 times the calls that callers
make, and one a second, which lets a target with little traffic be tried again at all.

The store is bounded: what a quiet hour has saved is not let loose in one second.
"""

CALLS_PER_RETRY = 10
"""First attempts that pay for one retry; counted in these, sums are exact."""

STORE = 10
"""Retries that can be saved up: ten seconds' worth without traffic, or a hundred calls'."""


class RetryBudget:
    """One target's budget. It starts with one retry."""

    def __init__(self, *, now: float) -> None:
        self._paid = float(CALLS_PER_RETRY)  # in first attempts
        self._seen = now

    def deposit(self, now: float) -> None:
        """A first attempt is made."""
        self._pass_to(now)
        self._pay(1.0)

    def allows(self, now: float) -> bool:
        """Whether a retry could be taken now; nothing is taken."""
        self._pass_to(now)
        return self._paid >= CALLS_PER_RETRY

    def try_spend(self, now: float) -> bool:
        """Take one retry out; False: there is none."""
        if not self.allows(now):
            return False
        self._paid -= CALLS_PER_RETRY
        return True

    def _pass_to(self, now: float) -> None:
        """Pay in for the time since the last look; an earlier moment changes nothing."""
        if now > self._seen:
            self._pay(CALLS_PER_RETRY * (now - self._seen))
            self._seen = now

    def _pay(self, calls: float) -> None:
        self._paid = min(float(STORE * CALLS_PER_RETRY), self._paid + calls)
