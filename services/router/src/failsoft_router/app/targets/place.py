"""One target of the policy with what this replica knows of it."""

import hashlib
from dataclasses import dataclass, field

from failsoft_kit.telemetry.span import Attributes
from failsoft_router.app.targets.bulkhead import Bulkhead
from failsoft_router.app.targets.call_attributes import call_attributes
from failsoft_router.app.targets.connections import Uses
from failsoft_router.app.targets.gates import Gates
from failsoft_router.core.breaker import State
from failsoft_router.core.doubt import Doubt
from failsoft_router.core.egress import EgressWatch
from failsoft_router.core.extra_calls import ExtraCalls
from failsoft_router.core.history import History
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.core.prefill import Prefill
from failsoft_router.ports import Credential, Target

ABSENT_SECONDS = 5.0
"""What callers of a target without a ready endpoint are told to wait: nobody knows when a pod
will be ready, and this one knows at once."""


@dataclass(slots=True, kw_only=True)
class Place:
    """One target: its policy, the way to it, and what is known of it.

    Attributes:
        credential: What calls show, if anything; None: nothing.
        uses: Of the way to it, by calls that may go on when their walk is over.
        retries: Second attempts that it may be sent.
        probes: Its probes that may be left running beside another target's call.
        prefill: Whether it refuses answers that others have begun.
        egress: Of our own way out of the network; shared by all targets.
        host: The name that connections go to; empty where that is not by the way out.

    What keeps calls out is asked in four ways, and any of them may differ:

    | the target is | due_in | is_shut | is_well | may_be_forced |
    |---|---|---|---|---|
    | closed | 0 | no | yes | no |
    | closed and being settled | 0 | no | no | no |
    | open | seconds | yes | no | yes |
    | open, and its time is over | 0 | no | no | no |
    | half-open, with a probe left | 0 | no | no | no |
    | half-open, with all probes out | 0 | yes | no | yes |
    | any of these, and another gate is shut | seconds | yes | no | no |
    | any of these, without a ready endpoint | seconds | yes | no | no |

    A forced call that is out already leaves no other one.
    """

    policy: TargetPolicy
    target: Target
    credential: Credential | None
    uses: Uses
    gates: Gates
    bulkhead: Bulkhead
    retries: ExtraCalls
    probes: ExtraCalls
    history: History
    doubt: Doubt
    prefill: Prefill
    egress: EgressWatch
    host: str = ""
    call_attributes: Attributes = field(init=False)
    """What every call to it has in its span."""
    _told: tuple[str, str] | None = field(default=None, repr=False)
    """The key that was told by its fingerprint last, and the fingerprint."""

    def __post_init__(self) -> None:
        self.call_attributes = call_attributes(self.policy)

    @property
    def lacks_credential(self) -> bool:
        """A key is needed, and there is none."""
        return self.credential is not None and self.credential.value() is None

    @property
    def fingerprint(self) -> str | None:
        """Tells the key as it is now from another, without telling it; None without one."""
        value = None if self.credential is None else self.credential.value()
        if value is None:
            return None
        if self._told is None or self._told[0] != value:
            self._told = value, hashlib.sha256(value.encode()).hexdigest()[:12]
        return self._told[1]

    async def enter(self, *, within: float, tokens: int) -> bool:
        """Take a place for a call, waiting at most `within` seconds; False: none came free."""
        if not await self.bulkhead.enter(within=within, tokens=tokens):
            return False
        self.uses.begin()
        return True

    def leave(self, *, tokens: int) -> None:
        """The call is over."""
        self.bulkhead.leave(tokens=tokens)
        self.uses.end()

    def due_in(self, now: float) -> float:
        """Seconds until every gate has opened, as far as time alone opens them.

        0 does not say that somebody is let through: a half-open target may have all its
        probes out, and nobody knows for how long.
        """
        refusal = self.gates.refusal(fingerprint=self.fingerprint, now=now)
        shut = refusal.due_in if refusal is not None else 0.0
        cut_off = self.egress.due_in(now) if self.host else 0.0
        absent = 0.0 if self.gates.has_endpoint else ABSENT_SECONDS
        return max(shut, cut_off, absent, self.gates.health.due_in(now))

    @property
    def is_being_settled(self) -> bool:
        """Whether it has fallen silent, and the calls that are out will tell if it is ill."""
        health = self.gates.health
        return health.state is State.CLOSED and self.doubt.is_being_settled(
            failures=health.consecutive_failures,
            needed=self.policy.breaker.consecutive_failures,
        )

    def is_well(self, now: float) -> bool:
        """Whether a call would be let through, not as a probe, and with hope for an answer."""
        closed = self.gates.health.state is State.CLOSED
        return closed and not self.is_being_settled and self.due_in(now) <= 0

    def is_shut(self, now: float) -> bool:
        """Whether a gate keeps everybody out, for a while or until a probe comes back."""
        return self._shut_by_others(now) or self.gates.health.is_shut(now)

    def admits(self, now: float, *, within: float = 0.0) -> bool:
        """Whether somebody is let through, as a probe or not, after at most so many seconds."""
        health = self.gates.health
        probes_out = health.state is State.HALF_OPEN and health.is_shut(now)
        return self.due_in(now) <= within and self.gates.has_endpoint and not probes_out

    def may_be_forced(self, now: float) -> bool:
        """Whether its health breaker alone keeps everybody out, and one call may go past it."""
        health = self.gates.health
        return health.is_shut(now) and not health.forced_out and not self._shut_by_others(now)

    def may_be_called(self, now: float) -> bool:
        """Whether nothing of its own keeps calls away; our own way out may be down."""
        if self.lacks_credential or self.gates.health.is_shut(now):
            return False
        return not self._refuses(now)

    def _shut_by_others(self, now: float) -> bool:
        return self._refuses(now) or (bool(self.host) and self.egress.due_in(now) > 0)

    def _refuses(self, now: float) -> bool:
        """Whether a gate of its own is shut, its health breaker aside."""
        return self.gates.refusal(fingerprint=self.fingerprint, now=now) is not None
