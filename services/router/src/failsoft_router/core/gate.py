"""The gates beside the health breaker: each keeps callers away from a target for one reason.

    gate         its key                 closes                     opens again
    quota        credential + model      a refusal for too many     at a moment, or as the
                                         requests                   provider's hint said
    account      credential              a refusal for spent        at a moment, or as the
                                         money                      provider's hint said
    target       target                  the model is gone, or is   at a moment
                                         not offered here
    quarantine   credential              the key was refused        at a moment, or at once
                                                                    when there is another key
    isolation    target                  an operator's order        at a moment, or by order

They are not the breaker's business: nothing here is illness, so nothing is counted and
nothing is probed. Each opens by time, so none can shut a target for ever; an operator who
knows more may open it before.

Whoever closes a gate that is shut already takes the later moment (a burst of refusals
whose last one asks for a second must not undo the minute that the first one asked for).
Only an operator's order replaces the one before it, whichever ends first.

The gates answer questions and change nothing in doing so. Each remembers the last time
that it was closed, for whoever asks why. All times are seconds.
"""

from dataclasses import dataclass, replace

from failsoft_model.walk import ErrorClass

QUARANTINE_SECONDS = 900.0
"""A refused key is left alone for 15 minutes: providers lock accounts that keep presenting
one, and a key that was mended by a new file is used at once."""

RATE_LIMITED_SECONDS = 5.0
"""Without a hint, too many requests are too many for as long as a breaker's first open time."""

SPENT_SECONDS = 60.0
"""Without a hint, an empty account is asked about once a minute: it fills up when somebody
pays, which no provider announces, and the refused call costs a caller some milliseconds."""

TARGET_SECONDS = 300.0
"""A model that is gone comes back by a deployment, and a place that is not served is served
when our way out is another: a refusal in five minutes is enough to find out."""

LONGEST_HINT_SECONDS = 3600.0
"""No hint closes a gate for longer: one call an hour is cheap, a slip of a provider is not."""


def quota_seconds(error_class: ErrorClass, hint: float | None) -> float:
    """How long the quota gate closes after a refusal.

    Args:
        error_class: `RATE_LIMITED` or `QUOTA`.
        hint: Seconds that the provider asks to wait; None: it said nothing.
    """
    if hint is not None:
        return min(max(0.0, hint), LONGEST_HINT_SECONDS)
    return SPENT_SECONDS if error_class is ErrorClass.QUOTA else RATE_LIMITED_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """One time that a gate was closed.

    Attributes:
        since: The moment from which on it was.
        until: The moment at which it opens by itself.
        why: What the provider said.
    """

    since: float
    until: float
    why: ErrorClass


class _Gate:
    """Closed until a moment."""

    def __init__(self) -> None:
        self._last: Closure | None = None

    @property
    def last(self) -> Closure | None:
        """The last time that it was closed, which may be now; None: it never was."""
        return self._last

    def close(self, closure: Closure) -> bool:
        """Let nobody through before its end; an earlier end than the gate's changes nothing.

        Returns:
            Whether it was open until now.
        """
        if closure.until <= closure.since:
            return False
        if self._last is None or self.admits(closure.since):
            self._last = closure
            return True
        if closure.until > self._last.until:
            self._last = replace(closure, since=self._last.since)
        return False

    def open(self, now: float) -> bool:
        """Let calls through from now on; whether it was shut."""
        if self._last is None or self.admits(now):
            return False
        self._last = replace(self._last, until=now)
        return True

    def admits(self, now: float) -> bool:
        """Whether calls may go through at time `now`."""
        return self._last is None or now >= self._last.until

    def due_in(self, now: float) -> float:
        """Seconds until it opens; 0 when it is open."""
        return 0.0 if self._last is None else max(0.0, self._last.until - now)


class QuotaGate(_Gate):
    """Keeps calls from a provider that has said when it wants the next one."""


class TargetGate(_Gate):
    """Keeps calls from a target that says that there is nothing to call."""


class Quarantine:
    """Keeps a refused secret from being presented again.

    It knows secrets by fingerprint only; that there is none is as good as a secret, because
    who refuses a call without one refuses the next such call. A refusal of another secret
    takes the place of the one before, so one that was refused late, after it had been
    replaced, may cost the new one a second refusal.
    """

    def __init__(self) -> None:
        self._fingerprint: str | None = None
        self._gate = _Gate()

    @property
    def last(self) -> Closure | None:
        """The last refusal of the secret that was refused last; None: none was."""
        return self._gate.last

    def shut(self, fingerprint: str | None, closure: Closure) -> bool:
        """The secret was refused; nobody presents it before the closure's end.

        Args:
            fingerprint: None: the target refused to be called without one.

        Returns:
            Whether it might be presented until now.
        """
        if fingerprint != self._fingerprint:
            self._fingerprint = fingerprint
            self._gate = _Gate()
        return self._gate.close(closure)

    def open(self, now: float) -> bool:
        """Let the refused secret be presented again; whether it might not have been."""
        return self._gate.open(now)

    def admits(self, fingerprint: str | None, now: float) -> bool:
        """Whether this secret may be presented; another one than was refused always may.

        Args:
            fingerprint: Of the secret as it is now; None: there is none.
        """
        return fingerprint != self._fingerprint or self._gate.admits(now)

    def due_in(self, now: float) -> float:
        """Seconds until the refused secret may be presented again; 0 when it may be now."""
        return self._gate.due_in(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationOrder:
    """An operator's order to leave a target alone.

    Attributes:
        since: The moment at which it was given.
        until: The moment at which it ends by itself, or ended by a release.
        actor: Who gave it.
        reason: Why, in the operator's words.
    """

    since: float
    until: float
    actor: str
    reason: str

    @property
    def sentence(self) -> str:
        """What callers and operators are told."""
        return f"isolated by {self.actor}: {self.reason}"


class Isolation:
    """Keeps calls from a target that an operator took out."""

    def __init__(self) -> None:
        self._order: IsolationOrder | None = None

    def isolate(self, order: IsolationOrder) -> None:
        """Obey this order from now on, and no earlier one."""
        self._order = order

    def release(self, now: float) -> None:
        """End the order, if one is in force."""
        if (order := self.order(now)) is not None:
            self._order = replace(order, until=now)

    @property
    def last(self) -> IsolationOrder | None:
        """The last order, which may be in force; None: there never was one."""
        return self._order

    def order(self, now: float) -> IsolationOrder | None:
        """The order that is in force at time `now`; None: there is none."""
        if self._order is None or now >= self._order.until:
            return None
        return self._order
