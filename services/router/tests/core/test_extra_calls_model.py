"""An account of extra calls against one that keeps every payment, in exact numbers."""

from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from failsoft_router.core.extra_calls import PROBES, RETRIES, Allowance, ExtraCalls

ALLOWANCES = st.sampled_from([RETRIES, PROBES, Allowance(calls=4, seconds=2.0, store=3)])


class AnyAccount(RuleBasedStateMachine):
    """Calls, extra calls and time, in any order."""

    @initialize(allowance=ALLOWANCES, start=st.sampled_from([0.0, 1000.0]))
    def begin(self, allowance: Allowance, start: float) -> None:
        self.allowance, self.now, self.out = allowance, start, 0
        self.account = ExtraCalls(allowance, now=start)
        self.payments = [Fraction(1)]  # in extra calls, negative where one was taken out

    def saved(self) -> Fraction:
        """What is left of the payments; what was over the store is lost at that moment."""
        saved = Fraction(0)
        for payment in self.payments:
            saved = min(saved + payment, Fraction(self.allowance.store))
        return saved

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 7.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.payments.append(Fraction(seconds) / Fraction(self.allowance.seconds))

    @rule(times=st.integers(1, 60))
    def call(self, times: int) -> None:
        for _ in range(times):
            self.payments.append(Fraction(1, self.allowance.calls))
            self.account.deposit(self.now)

    @rule()
    def take(self) -> None:
        there_is_one = self.saved() >= 1
        assert self.account.try_spend(self.now) is there_is_one
        if there_is_one:
            self.payments.append(Fraction(-1))
            self.out += 1

    @rule()
    def give_back(self) -> None:
        if self.out:
            self.account.give_back()
            self.payments.append(Fraction(1))
            self.out -= 1

    @rule()
    def look(self) -> None:
        assert self.account.allows(self.now) is (self.saved() >= 1)


TestAnyAccount = AnyAccount.TestCase
TestAnyAccount.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
