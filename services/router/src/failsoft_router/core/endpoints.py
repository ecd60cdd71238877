"""Which of a target's endpoints a call goes to: the least loaded of those that are ready.

A service of ours may run as many pods, each an endpoint that answers for itself. Who is
there, and who is ready, is said from outside (`adopt`). How busy each is, it tells with its
answers (`told`); how well it is, shows in how this router's calls to it ended (`ended`); and
one that has no room says so (`has_no_room`).

**Load.** What an endpoint tells is the work of all its callers, ours among them. What is
left of it without our own calls of that moment is others' work: it counts less with every
second, and after `REPORT_SECONDS` not at all, so that whoever was busy once is asked again.
Our own calls are known at any time. Both together, as a share of what the endpoint can do
at once, is what is compared; where it is equal, fewer of our calls, and then the draw.

**No room.** An endpoint that turns a call away has done nothing for it, so the call may go to
the next one. Who was turned away by is left out until the moment that it named. When all that
are in are full, nobody is chosen, also nobody who is ejected: they are busy, and he is ill.

**Ejection.** The pods of a service fail one by one, and the target's breaker would take all
of them out for it. So one that fails is left alone for a while, and comes back on trial
(`member`). Nobody is ejected who is the last one in, and when those who are in go away, the
one whose time is over first is let in on trial. So while any endpoint is ready, there is one to
call, unless those who are in are full: if all are ill, the target's breaker will find out.

An endpoint that becomes ready is another one than it was before: what was held against it is
forgotten. Whoever chooses is given a turn, and hands it back with how the call ended.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from failsoft_model.walk import Load
from failsoft_router.core.breaker import Result
from failsoft_router.core.member import FULL_SECONDS, Member, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One that was seen: `host:port`, and whether it takes calls."""

    address: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """All endpoints of a service, as somebody said.

    Attributes:
        by_name: Who watches them has said nothing yet: it is what the service's name leads to.
    """

    endpoints: tuple[Endpoint, ...]
    by_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Leave to make one call to an endpoint; it has to be handed back with a result."""

    address: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """An endpoint as it stands.

    Attributes:
        due_at: The moment at which it gets calls again; None unless it is ejected or full.
    """

    address: str
    standing: Standing
    due_at: float | None
    calls_in_flight: int


class Endpoints:
    """The endpoints of one target. Not thread-safe: call it from one event loop."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._changed_at: float | None = None
        self._known = False
        self._by_name = False

    @property
    def known(self) -> bool:
        """Whether anybody has said yet which there are."""
        return self._known

    @property
    def by_name(self) -> bool:
        """See `Sighting`."""
        return self._by_name

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
                standing=member.standing(now),
                due_at=member.due_at(now),
                calls_in_flight=member.in_flight,
            )
            for member in sorted(self._members.values(), key=lambda each: each.address)
            if member.listed
        )

    def adopt(self, seen: Sighting, *, now: float) -> bool:
        """These are there from now on, and no others.

        Returns:
            Whether there is one to call now, and was none before.
        """
        before, self._known, self._by_name = self.any_ready, True, seen.by_name
        ready = {each.address: each.ready for each in seen.endpoints}
        for address in ready:
            self._members.setdefault(address, Member(address=address))
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

    def takes_calls(self, now: float, *, but: Collection[str] = ()) -> bool:
        """Whether there is one that nothing keeps from the next call.

        Args:
            but: Addresses that do not count.
        """
        return any(
            member.takes_calls(now) and member.address not in but
            for member in self._members.values()
        )

    def full_for(self, now: float) -> float:
        """Seconds until somebody may have room; 0: somebody may now, or none is full.

        Nobody knows when a call on trial ends, so it is asked for again soon.
        """
        ready = self._ready()
        if self.takes_calls(now) or not any(each.is_full(now) for each in ready):
            return 0.0
        dues = (each.due_at(now) for each in ready)
        return min(FULL_SECONDS if due is None else due - now for due in dues)

    def choose(
        self, *, now: float, draw: float, but: Collection[str] = (), even_full: bool = False
    ) -> Turn | None:
        """The least loaded endpoint that is ready, with a call on its way to it.

        Args:
            draw: Uniform in [0, 1); decides between equals.
            but: Addresses that this call has tried in vain.
            even_full: It may be one that has no room.

        Returns:
            None: none is ready, all that are were tried, or those who are in are full.
        """
        ready = self._ready()
        those_in = [each for each in ready if each.is_in(now)]
        able = [each for each in those_in if even_full or not each.is_full(now)]
        somebody_is_full = len(able) < len(those_in)
        able = [each for each in able if each.address not in but]
        if not able and not somebody_is_full:
            # All others wait for a call on trial, or were tried: the least hopeless.
            left = (each for each in ready if each.address not in but)
            able = sorted(left, key=lambda each: each.ejected_until)[:1]
        if not able:
            return None
        member = _least_loaded(able, now=now, draw=draw)
        member.in_flight += 1
        member.current += 1
        return Turn(address=member.address, epoch=member.epoch)

    def told(self, turn: Turn, load: Load, *, now: float) -> None:
        """The endpoint says how busy it is."""
        member = self._current(turn)
        if member is not None:
            member.tells(load, now=now)

    def has_no_room(self, turn: Turn, retry_after: float | None, *, now: float) -> None:
        """The endpoint has turned the call away, and done nothing for it.

        Args:
            retry_after: Seconds that it asks to wait; None: it said nothing.
        """
        member = self._current(turn)
        if member is not None:
            member.has_no_room(retry_after, now=now)

    def make_room(self, now: float) -> bool:
        """Somebody knows that nobody is full any more; gives whether that kept calls out."""
        nobody_had_room = self.full_for(now) > 0.0
        for member in self._members.values():
            member.full_until = min(member.full_until, now)
        return nobody_had_room

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
            member.current -= 1
            ill = member.judge(result, unreachable=unreachable)
            if ill and not self._is_last_one_in(member, now):
                member.eject(now=now, draw=draw)
        member = self._members.get(turn.address)
        if member is not None:
            member.in_flight -= 1
            self._forget_if_gone(member)

    def _ready(self) -> list[Member]:
        return [member for member in self._members.values() if member.ready]

    def _current(self, turn: Turn) -> Member | None:
        """The endpoint, if it is still the one that the call went to."""
        member = self._members.get(turn.address)
        return None if member is None or member.epoch != turn.epoch else member

    def _is_last_one_in(self, member: Member, now: float) -> bool:
        return all(each.is_ejected(now) for each in self._ready() if each is not member)

    def _let_one_in(self, now: float) -> None:
        """Where all that are ready are ejected, the one whose time is over first is not."""
        ready = self._ready()
        if ready and all(member.is_ejected(now) for member in ready):
            min(ready, key=lambda each: each.ejected_until).ejected_until = now

    def _forget_if_gone(self, member: Member) -> None:
        if not member.listed and not member.in_flight:
            del self._members[member.address]


def _least_loaded(members: Sequence[Member], *, now: float, draw: float) -> Member:
    assumed = min((each.capacity for each in members if each.capacity), default=1)
    loads = [(each.share(now, capacity=assumed), each.in_flight) for each in members]
    least = min(loads)
    equals = [each for each, load in zip(members, loads, strict=True) if load == least]
    return equals[int(draw * len(equals))]
