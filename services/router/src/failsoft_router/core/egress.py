"""Tells that it is our own way out that is down, and not every provider at once.

When no watched host can be connected to, and the failures lie within `TOGETHER`
seconds, nobody's health is in question: breakers that opened now would keep the
providers out when the network is back, and walks would still try one after the other.

One failure alone cannot tell, so it is not held against its target at once:

    failed_at        -> PENDING     for `TOGETHER` seconds, unless it is decided sooner
    everybody failed -> OWN_EGRESS  it counts against nobody
    anybody connects -> COUNTS      there is a way out, so it was the target
    time is up       -> COUNTS

Whoever waits for the blame is told the moment it is decided.

While it is down (`HOLD` seconds from the last moment at which everybody had failed)
hops that need the way out are best skipped. Then they are tried again: if they fail
together again it is down for another while, and any connection ends it at once.

Watched are the hosts of targets that are reached through the egress: two host names at
least, since one that fails is just that one. What is on this machine, in a private
network or in the cluster says nothing about the way out; `is_outside` tells. Everybody
is who may be called: a host that no call goes to, because its key is missing or its
breaker open, will not fail however long it is waited for.

All times are seconds.
"""

import enum
import ipaddress
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

TOGETHER = 2.0
"""Failures that are less apart may have one cause."""

HOLD = 5.0
"""As long as a breaker's first open time."""

_INSIDE = (".localhost", ".local", ".internal", ".svc")
"""Endings of names that no public resolver knows."""


Addresses = Mapping[str, Collection[str]]
"""What hosts were resolved to."""


class Blame(enum.Enum):
    """Whose fault a failure to connect is."""

    PENDING = "pending"
    """Not known yet; it will be at `settles_at`, or as soon as somebody connects or all failed."""
    COUNTS = "counts"
    """The target's: its breaker counts a failure."""
    OWN_EGRESS = "own_egress"
    """Ours: it is evidence against nobody."""


def settles_at(failed_at: float) -> float:
    """When a failure to connect is pending no longer, whatever happens."""
    return failed_at + TOGETHER


def is_outside(host: str, addresses: Collection[str]) -> bool:
    """Whether connections to a host leave by our egress: not loopback, private or in-cluster.

    Args:
        host: A name or a literal address.
        addresses: What the name was resolved to; empty where it could not be, which the
            lack of a way out explains: then the name alone decides.
    """
    if (public := _is_public(host)) is not None:
        return public
    name = host.lower().removesuffix(".")
    if "." not in name or name.endswith(_INSIDE):
        return False
    return all(_is_public(address) is not False for address in addresses)


def _is_public(text: str) -> bool | None:
    """Whether an address is one of the public internet; None: it is no address."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return None


MayBeCalled = Callable[[str, float], bool]
"""Whether calls go to a host at that time, our own way out aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """Somebody who wants to know whose fault a failure is."""

    host: str
    failed_at: float
    told: Callable[[Blame], None]


class EgressWatch:
    """Watches failures to connect to the hosts that are reached through the egress."""

    def __init__(self) -> None:
        self._hosts = frozenset[str]()
        self._may_be_called: MayBeCalled  # comes with the hosts
        self._failed: dict[str, float] = {}  # the last failures since anybody connected
        self._waiting: list[_Waiting] = []
        self._connected_at = -math.inf
        self._down_from = math.inf
        self._down_until = -math.inf
        self._outage = False  # since it was down, nobody has connected

    def watch(self, hosts: Iterable[str], *, may_be_called: MayBeCalled, now: float) -> None:
        """Watch these hosts from now on; what is known of those that stay is kept.

        Args:
            hosts: Those for which `is_outside` holds; fewer than two tell nothing.
        """
        watched = frozenset(hosts)
        self._hosts = watched if len(watched) > 1 else frozenset[str]()
        self._may_be_called = may_be_called
        self._failed = {host: at for host, at in self._failed.items() if host in self._hosts}
        if not self._hosts:
            self._down_until = min(self._down_until, now)
            self._outage = False
        self.settle(now)

    def connect_failed(self, host: str, now: float) -> bool:
        """A connection to `host` was refused, timed out or could not be resolved.

        Returns:
            Whether that tells that our own way out is down, and is the first to tell so since
            anybody connected.
        """
        if host not in self._hosts:
            return False
        self._failed[host] = now
        was_known = self._outage
        if self._everybody_failed(now):
            self._outage = True
            if not self.down(now):
                # Whoever failed and is not settled yet: also the first one of a host that
                # failed twice.
                self._down_from = max(now - TOGETHER, self._connected_at)
            self._down_until = now + HOLD
        self.settle(now)
        return self._outage and not was_known

    def connected(self, host: str, now: float) -> bool:
        """`host` was connected to, or an open connection brought something new.

        Returns:
            Whether our own way out was down, and this is the first connection since.
        """
        if host not in self._hosts:
            return False
        was_down, self._outage = self._outage, False
        self._failed.clear()
        self._connected_at = now
        self._down_until = min(self._down_until, now)
        self.settle(now)
        return was_down

    @property
    def down_until(self) -> float:
        """The moment until which it is or was down; minus infinity: it never was."""
        return self._down_until

    def down(self, now: float) -> bool:
        """Whether our own way out is down."""
        return now < self._down_until

    def due_in(self, now: float) -> float:
        """Seconds until the way out may be tried again; 0 when it is not known to be down."""
        return max(0.0, self._down_until - now)

    def blame(self, host: str, failed_at: float, *, now: float) -> Blame:
        """Whose fault it is that `host` could not be connected to at `failed_at`.

        Args:
            failed_at: A moment that `connect_failed` was told.
        """
        if host not in self._hosts:
            return Blame.COUNTS
        if self._down_from < failed_at < self._down_until:
            return Blame.OWN_EGRESS
        if self._connected_at >= failed_at or now >= settles_at(failed_at):
            return Blame.COUNTS
        return Blame.PENDING

    def when_known(
        self, host: str, failed_at: float, *, now: float, told: Callable[[Blame], None]
    ) -> bool:
        """Tell the blame for a failure that `connect_failed` was told of, once.

        Returns:
            False: It is not known yet; call `settle` at `settles_at(failed_at)`.
        """
        blame = self.blame(host, failed_at, now=now)
        if blame is Blame.PENDING:
            self._waiting.append(_Waiting(host=host, failed_at=failed_at, told=told))
            return False
        told(blame)
        return True

    def settle(self, now: float) -> None:
        """Tell everybody whose blame is known by now."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            blame = self.blame(each.host, each.failed_at, now=now)
            if blame is Blame.PENDING:
                self._waiting.append(each)
            else:
                each.told(blame)

    def _everybody_failed(self, now: float) -> bool:
        """At least two hosts, and all that may be called, within `TOGETHER` seconds."""
        lately = {host for host, at in self._failed.items() if now < settles_at(at)}
        return len(lately) > 1 and not any(
            self._may_be_called(host, now) for host in self._hosts - lately
        )
