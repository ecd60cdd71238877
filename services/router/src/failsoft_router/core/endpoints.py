"""Which of a target's endpoints a call goes to: the least loaded of those that are ready.

A service of ours may run as many pods, each an endpoint that answers for itself. Who is
there, and who is ready, is said from outside (`adopt`). How busy each is, it tells with its
answers (`told`); how well it is, shows in how this router's calls to it ended (`ended`).

**Load.** What an endpoint tells is the work of all its callers, ours among them. What is
left of it without our own calls of that moment is others' work: it counts less with every
second, and after `REPORT_SECONDS` not at all, so that whoever was busy once is asked again.
Our own calls are known at any time. Both together, as a share of what the endpoint can do
at once, is what is compared; where it is equal, fewer of our calls, and then the draw.

**Ejection.** The pods of a service fail one by one, and the target's breaker would take all
of them out for it.

    in      --failures in a row, or no connection--> ejected
    ejected --its time is over---------------------> on trial: one call at a time
    on trial --a good call--> in    --a failed one--> ejected, for longer

Nobody is ejected who is the last one in, and when those who are in go away, the one whose
time is over first is let in on trial. So while any endpoint is ready there is one to call:
if all are ill, the target's breaker will find out.

The time is `EJECTED_SECONDS` x 2^n, jittered by 20 %, at most `LONGEST_EJECTED_SECONDS`; n
grows by one with each ejection and falls by one with each whole minute without. An endpoint
that becomes ready is another one than it was before: what was held against it is forgotten.

Whoever chooses is given a turn, and hands it back with how the call ended. A call that
began before its endpoint was ejected says nothing of how it is now.
"""

import enum
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from failsoft_model.walk import Load
from failsoft_router.core.breaker import Result

REPORT_SECONDS = 10.0
"""A report of this age says nothing: most answers of a model take less time to write."""
FAILURES = 3
"""In a row; fewer than open a breaker, so that one ill pod does not take the others out."""
EJECTED_SECONDS = 5.0
LONGEST_EJECTED_SECONDS = 60.0
JITTER = 0.2
CLEAN_SECONDS = 60.0

_MOST_DOUBLINGS = math.ceil(math.log2(LONGEST_EJECTED_SECONDS / EJECTED_SECONDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One that was seen: `host:port`, and whether it takes calls."""

    address: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Leave to make one call to an endpoint; it has to be handed back with a result."""

    address: str
    epoch: int


class Standing(enum.Enum):
    """How an endpoint is."""

    READY = "ready"
    NOT_READY = "not_ready"
    """It starts, drains, or says itself that it takes no calls."""
    EJECTED = "ejected"
    """It says that it is ready, and calls to it fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """An endpoint as it stands.

    Attributes:
        due_at: The moment at which it is let in on trial; None unless it is ejected.
    """

    address: str
    standing: Standing
    due_at: float | None
    calls_in_flight: int


@dataclass(slots=True, kw_only=True)
class _Member:
    """What is known of one endpoint; `epoch` is raised by what makes older results void."""

    address: str
    ready: bool = False
    listed: bool = True
    in_flight: int = 0
    epoch: int = 0
    failures: int = 0
    on_trial: bool = False
    doublings: int = 0
    ejected_until: float = -math.inf
    capacity: int = 0
    others: float = 0.0
    told_at: float = -math.inf

    def is_ejected(self, now: float) -> bool:
        return now < self.ejected_until

    def admits(self, now: float) -> bool:
        return not self.is_ejected(now) and not (self.on_trial and self.in_flight)

    def share(self, now: float, *, capacity: int) -> float:
        """Of what it can do at once, how much it does."""
        age = now - self.told_at
        fresh = max(0.0, 1.0 - age / REPORT_SECONDS)
        return (self.in_flight + self.others * fresh) / (self.capacity or capacity)

    def begin_anew(self) -> None:
        self.epoch += 1
        self.failures = self.doublings = self.capacity = 0
        self.on_trial = False
        self.ejected_until = self.told_at = -math.inf
        self.others = 0.0


class Endpoints:
    """The endpoints of one target. Not thread-safe: call it from one event loop."""

    def __init__(self) -> None:
        self._members: dict[str, _Member] = {}
        self._changed_at: float | None = None
        self._known = False

    @property
    def known(self) -> bool:
        """Whether anybody has said yet which there are."""
        return self._known

    @property
    def any_ready(self) -> bool:
        """Whether there is one to call."""
        return any(member.ready for member in self._members.values())

    @property
    def changed_at(self) -> float | None:
        """When there last began or ceased to be one to call; None: there never was one."""
        return self._changed_at

    @property
    def addresses(self) -> frozenset[str]:
        """Of those that there are, ready or not."""
        return frozenset(member.address for member in self._members.values() if member.listed)

    def states(self, now: float) -> tuple[EndpointState, ...]:
        """Each that there is, by address."""
        return tuple(
            EndpointState(
                address=member.address,
                standing=_standing(member, now),
                due_at=member.ejected_until if member.is_ejected(now) else None,
                calls_in_flight=member.in_flight,
            )
            for member in sorted(self._members.values(), key=lambda each: each.address)
            if member.listed
        )

    def adopt(self, seen: Iterable[Endpoint], *, now: float) -> bool:
        """These are there from now on, and no others.

        Returns:
            Whether there is one to call now, and was none before.
        """
        before, self._known = self.any_ready, True
        ready = {each.address: each.ready for each in seen}
        for address in ready:
            self._members.setdefault(address, _Member(address=address))
        for member in tuple(self._members.values()):
            member.listed = member.address in ready
            is_ready = ready.get(member.address, False)
            if is_ready and not member.ready:
                member.begin_anew()
            member.ready = is_ready
            self._forget_if_gone(member)
        self._let_one_in(now)
        if self.any_ready is not before:
            self._changed_at = now
        return self.any_ready and not before

    def choose(self, *, now: float, draw: float, but: Collection[str] = ()) -> Turn | None:
        """The least loaded endpoint that is ready, with a call on its way to it.

        Args:
            draw: Uniform in [0, 1); decides between equals.
            but: Addresses that this call has tried in vain.

        Returns:
            None: none is ready, or all that are were tried.
        """
        ready = [each for each in self._members.values() if each.ready and each.address not in but]
        able = [member for member in ready if member.admits(now)]
        if not able and ready:
            # All others wait for a call on trial, or were tried: the least hopeless.
            able = [min(ready, key=lambda each: each.ejected_until)]
        if not able:
            return None
        assumed = min((each.capacity for each in able if each.capacity), default=1)
        loads = [(each.share(now, capacity=assumed), each.in_flight) for each in able]
        least = min(loads)
        equals = [each for each, load in zip(able, loads, strict=True) if load == least]
        member = equals[int(draw * len(equals))]
        member.in_flight += 1
        return Turn(address=member.address, epoch=member.epoch)

    def told(self, turn: Turn, load: Load, *, now: float) -> None:
        """The endpoint says how busy it is."""
        member = self._current(turn)
        if member is None:
            return
        member.capacity = load.capacity
        member.others = max(0.0, _calls_worth(load) - member.in_flight)
        member.told_at = now

    def ended(
        self, turn: Turn, result: Result, *, now: float, draw: float, unreachable: bool = False
    ) -> None:
        """Hand a turn back with how the call ended.

        Args:
            draw: Uniform in [0, 1), for the jitter of an ejection.
            unreachable: There was no connection, which one call is enough to know by.
        """
        member = self._current(turn)
        if member is not None:
            self._judge(member, result, now=now, draw=draw, unreachable=unreachable)
        member = self._members.get(turn.address)
        if member is not None:
            member.in_flight -= 1
            self._forget_if_gone(member)

    def _current(self, turn: Turn) -> _Member | None:
        """The endpoint, if it is still the one that the call went to."""
        member = self._members.get(turn.address)
        return None if member is None or member.epoch != turn.epoch else member

    def _judge(
        self, member: _Member, result: Result, *, now: float, draw: float, unreachable: bool
    ) -> None:
        match result:
            case Result.OK:
                member.failures, member.on_trial = 0, False
            case Result.FAILED:
                member.failures += 1
                if unreachable or member.on_trial or member.failures >= FAILURES:
                    self._eject(member, now, draw)
            case Result.NO_EVIDENCE:
                pass

    def _eject(self, member: _Member, now: float, draw: float) -> None:
        others = (each for each in self._members.values() if each is not member and each.ready)
        if all(other.is_ejected(now) for other in others):
            return
        if member.ejected_until > -math.inf:
            clean_minutes = int((now - member.ejected_until) / CLEAN_SECONDS)
            member.doublings = max(0, member.doublings - clean_minutes)
        seconds = EJECTED_SECONDS * 2.0**member.doublings * (1 - JITTER + 2 * JITTER * draw)
        member.ejected_until = now + min(seconds, LONGEST_EJECTED_SECONDS)
        member.doublings = min(member.doublings + 1, _MOST_DOUBLINGS)
        member.epoch += 1
        member.on_trial = True

    def _let_one_in(self, now: float) -> None:
        """Where all that are ready are ejected, the one whose time is over first is not."""
        ready = [member for member in self._members.values() if member.ready]
        if ready and all(member.is_ejected(now) for member in ready):
            min(ready, key=lambda each: each.ejected_until).ejected_until = now

    def _forget_if_gone(self, member: _Member) -> None:
        if not member.listed and not member.in_flight:
            del self._members[member.address]


def _standing(member: _Member, now: float) -> Standing:
    if not member.ready:
        return Standing.NOT_READY
    return Standing.EJECTED if member.is_ejected(now) else Standing.READY


def _calls_worth(load: Load) -> float:
    """Its work in calls: those that run and wait, or by its tokens, if these are more."""
    calls = load.running + load.waiting
    if not load.capacity_tokens:
        return calls
    tokens = load.running_tokens + load.waiting_tokens
    return max(calls, load.capacity * tokens / load.capacity_tokens)
