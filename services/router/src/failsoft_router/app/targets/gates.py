"""Everything that can keep one target from being tried, asked in one place.

Different diseases, different gates, never one counter: an ill target, an exhausted
quota, a bad credential, a model that is gone, an operator's order. Each has its own key,
so that what is learned about a credential counts for every target that uses it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from failsoft_model.walk import ErrorClass, SkipReason
from failsoft_router.core.breaker import Breaker
from failsoft_router.core.endpoints import Endpoints
from failsoft_router.core.gate import (
    QUARANTINE_SECONDS,
    TARGET_SECONDS,
    Closure,
    Isolation,
    Quarantine,
    QuotaGate,
    TargetGate,
    quota_seconds,
)
from failsoft_router.core.outcome import Lesson

_NONE_READY = "none of its endpoints is ready"
_NONE_KNOWN = "nobody has said yet which endpoints it has"
_BY_NAME = "the Kubernetes API has not told its endpoints yet: they are known by the service's name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A gate is shut.

    Attributes:
        due_in: Seconds until it opens by itself; 0 when a place may come free any moment.
    """

    reason: SkipReason
    detail: str
    due_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """A gate that was open is not any more.

    Attributes:
        gate: What hops are skipped for.
    """

    gate: SkipReason
    closure: Closure


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """The gates of one target; some are shared with other targets.

    Attributes:
        endpoints: Of which one has to be ready; None: nobody watches which there are.
    """

    health: Breaker
    quota: QuotaGate
    account: QuotaGate
    quarantine: Quarantine
    target: TargetGate
    isolation: Isolation
    endpoints: Endpoints | None = None

    @property
    def has_endpoint(self) -> bool:
        """Whether there is an endpoint to call, where these are watched."""
        return self.endpoints is None or self.endpoints.any_ready

    @property
    def absence(self) -> str:
        """Why there is none, or how one is known, for people; empty: it is there, and watched."""
        if self.endpoints is None:
            return ""
        if not self.endpoints.any_ready:
            return _NONE_READY if self.endpoints.known else _NONE_KNOWN
        return _BY_NAME if self.endpoints.by_name else ""

    def refusal(self, *, fingerprint: str | None, now: float) -> Refusal | None:
        """The first gate that is shut, health aside: its breaker gives permits.

        Args:
            fingerprint: Of the credential as it is now; None: there is none.
        """
        order = self.isolation.order(now)
        if order is not None:
            return Refusal(
                reason=SkipReason.ISOLATED,
                detail=order.sentence,
                due_in=order.until - now,
            )
        if not self.has_endpoint:
            return Refusal(
                reason=SkipReason.NO_READY_ENDPOINT,
                detail=self.absence,
                due_in=0.0,
            )
        if not self.quarantine.admits(fingerprint, now):
            return Refusal(
                reason=SkipReason.CREDENTIAL_QUARANTINE,
                detail="the provider refused its credential; a new one is tried at once",
                due_in=self.quarantine.due_in(now),
            )
        if not self.target.admits(now):
            return Refusal(
                reason=SkipReason.TARGET_GONE,
                detail="the provider does not have the model, or does not serve this place",
                due_in=self.target.due_in(now),
            )
        wait = max(self.quota.due_in(now), self.account.due_in(now))
        if wait > 0:
            return Refusal(
                reason=SkipReason.QUOTA,
                detail=f"the provider closed the quota for another {wait:.1f} s",
                due_in=wait,
            )
        return None

    def open(self, now: float) -> tuple[SkipReason, ...]:
        """Open what a provider's refusals have shut; gives what was shut until now."""
        opened = {
            SkipReason.CREDENTIAL_QUARANTINE: (self.quarantine.open(now),),
            SkipReason.TARGET_GONE: (self.target.open(now),),
            SkipReason.QUOTA: (
                self.quota.open(now),
                self.account.open(now),
                self.endpoints is not None and self.endpoints.make_room(now),
            ),
        }
        return tuple(reason for reason, were_shut in opened.items() if any(were_shut))

    @property
    def last_quota(self) -> Closure | None:
        """What closed the quota last, of the model's and the account's; None: nothing ever."""
        closures = (self.quota.last, self.account.last)
        known = [closure for closure in closures if closure is not None]
        return max(known, key=lambda closure: closure.until, default=None)

    def learn(
        self,
        lesson: Lesson,
        error_class: ErrorClass,
        *,
        hint: float | None,
        fingerprint: str | None,
        now: float,
    ) -> Shut | None:
        """Tell the gate whose disease it is; health is told by the permit.

        Args:
            hint: Seconds that the target asked to wait; None when it said nothing.
            fingerprint: Of the credential that was used; None: there was none.

        Returns:
            None: No gate has shut that was open.
        """

        def shut(gate: SkipReason, close: Callable[[Closure], bool], seconds: float) -> Shut | None:
            closure = Closure(since=now, until=now + seconds, why=error_class)
            return Shut(gate=gate, closure=closure) if close(closure) else None

        match lesson:
            case Lesson.QUOTA:
                return shut(SkipReason.QUOTA, self.quota.close, quota_seconds(error_class, hint))
            case Lesson.ACCOUNT:
                return shut(SkipReason.QUOTA, self.account.close, quota_seconds(error_class, hint))
            case Lesson.CREDENTIAL:
                quarantine = partial(self.quarantine.shut, fingerprint)
                return shut(SkipReason.CREDENTIAL_QUARANTINE, quarantine, QUARANTINE_SECONDS)
            case Lesson.TARGET:
                return shut(SkipReason.TARGET_GONE, self.target.close, TARGET_SECONDS)
            case Lesson.HEALTH | Lesson.NOTHING:
                return None
