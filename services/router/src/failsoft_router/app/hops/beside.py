"""The calls that a walk goes on beside: its present one, and those that it has left running.

Whoever speaks first answers.
"""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_model.walk import Attempt, ErrorClass
from failsoft_router.app.calls.trial import OutOfTime, Tried
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.hops.probe import Probe
from failsoft_router.app.hops.trail import OpenHop
from failsoft_router.app.reply.delivery import Delivery
from failsoft_router.core import budget
from failsoft_router.ports import AttemptFailed, Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidings:
    """What came of a hop whose target was asked."""

    hop: OpenHop
    attempts: tuple[Attempt, ...]
    result: Ending | AttemptFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """A probe of an earlier hop spoke first.

    Attributes:
        attempt: The call that was broken off for it; None: there was none.
    """

    attempt: Attempt | None = None


class Beside:
    """The place beside one walk, for the probes of its earlier hops."""

    def __init__(self, errand: Errand, delivery: Delivery, *, clock: Clock) -> None:
        self._errand = errand
        self._delivery = delivery
        self._clock = clock
        self._probes: list[Probe] = []

    @property
    def _in_turn(self) -> list[Probe]:
        """Those that say what is wanted now.

        The others were asked for an answer before one broke off that is to be gone on with.
        They are heard when nobody is left who goes on.
        """
        if self._delivery.going_on is None:
            return self._probes
        return [probe for probe in self._probes if probe.splice is not None]

    def may_speak(self) -> bool:
        """Whether something may still come from one of them."""
        return bool(self._probes) and any(not probe.over for probe in self._in_turn)

    def spoke_before(self, moment: float | None) -> bool:
        """Whether one of them spoke before this moment of the clock; None: at any time."""
        return bool(self._probes) and any(
            probe.spoke_at is not None and (moment is None or probe.spoke_at < moment)
            for probe in self._in_turn
        )

    def put(self, probe: Probe) -> None:
        """Leave it running."""
        self._probes.append(probe)

    async def first_word(self, probe: Probe, *, within: float) -> Tried | Probe | Overtaken | None:
        """Wait for the first word of the walk's present call.

        Args:
            within: Seconds; infinite: until it is over.

        Returns:
            None: it spoke first, or is over, and is to be followed. Else what the hop comes
            to: the probe that goes on when its time is over, or was spoken before.
        """
        try:
            await self._wait_for(probe, within=within)
        except BaseException:
            if probe.may_go_on():
                probe.leave()
            else:
                probe.end()
            raise
        if self.spoke_before(probe.spoke_at):
            return _overtaken(probe)
        return None if probe.heard.done() else _left(probe)

    async def follow(self, probe: Probe) -> Tried:
        """Hand on what the walk's present call says, up to its end."""
        tried = await self._heard_out(probe)
        return tried or probe.tried(_SHUTTING_DOWN)

    async def sleep(self, seconds: float) -> None:
        """Pass the time until the first word of one of them, at most so long."""
        until = self._clock.now() + seconds
        while (left := until - self._clock.now()) > 0 and not self.spoke_before(None):
            quiet = [each.heard for each in self._in_turn if not each.heard.done()]
            if quiet:
                await _any_of(quiet, within=left)
            else:
                await asyncio.sleep(left)

    async def _wait_for(self, probe: Probe, *, within: float) -> None:
        """Wait until this probe or one that is beside speaks, this one is over, or time is."""
        until = self._clock.now() + within
        while not (probe.heard.done() or self.spoke_before(None)):
            quiet = [each.heard for each in self._in_turn if not each.heard.done()]
            if not await _any_of([probe.heard, *quiet], within=until - self._clock.now()):
                return

    async def hear(self) -> Tidings | None:
        """Follow the first that spoke or is over; None: none has, or was ended from outside."""
        while (probe := _first_heard(self._in_turn)) is not None:
            tidings = await self._follow(probe)
            if tidings is not None:
                return tidings
        return None

    async def wait(self) -> Tidings | None:
        """Nobody else is left: what they say is better than nothing. None: none is beside."""
        while self._probes:
            probe = _first_heard(self._in_turn) or _first_heard(self._probes)
            tidings = None if probe is None else await self._follow(probe)
            if tidings is not None:
                return tidings
            left = self._errand.to_first_content() - budget.REPLY
            waiting = [probe.heard for probe in self._probes]
            if waiting and not await _any_of(waiting, within=left):
                return self._in_vain(self._probes.pop(0))
        return None

    def leave(self) -> None:
        """The walk is over; what they find out is for their targets' sake only."""
        for probe in self._probes:
            probe.leave()

    def leave_outdated(self, *, may_start_over: bool) -> None:
        """An answer has broken off; leave those whose words can be of no use any more.

        They were to go on from an earlier place of it, or tell an answer of their own.

        Args:
            may_start_over: An answer of its own may replace the one that broke off.
        """
        for probe in self._probes:
            if probe.splice is not None or not may_start_over:
                probe.leave()
        self._probes = [probe for probe in self._probes if probe.splice is None and may_start_over]

    async def _heard_out(self, probe: Probe) -> Tried | None:
        starts_over = probe.splice is None and self._delivery.going_on is not None
        if starts_over:
            self.leave_outdated(may_start_over=True)
        take = await self._delivery.taker(probe.hop.planned.name, probe.splice)
        return await probe.follow(take, until=self._errand.end_at)

    async def _follow(self, probe: Probe) -> Tidings | None:
        self._probes.remove(probe)
        tried = await self._heard_out(probe)
        if tried is None:
            probe.leave()
            return None
        attempts = (*probe.earlier, tried.attempt)
        return Tidings(hop=probe.hop, attempts=attempts, result=tried.result)

    def _in_vain(self, probe: Probe) -> Tidings:
        """The walk has no more time for it."""
        tried = probe.tried(OutOfTime(ErrorClass.TIMEOUT_FIRST_CONTENT))
        probe.leave()
        attempts = (*probe.earlier, tried.attempt)
        return Tidings(hop=probe.hop, attempts=attempts, result=tried.result)


def _left(probe: Probe) -> Probe | Tried:
    """The walk goes on without it, and it goes on without the walk if it may."""
    if probe.may_go_on():
        return probe
    failure = OutOfTime(ErrorClass.TIMEOUT_FIRST_CONTENT)
    probe.end(why=failure)
    return probe.tried(failure)


def _overtaken(probe: Probe) -> Probe | Overtaken:
    """A probe of an earlier hop spoke first; another hidden one finds out what it can."""
    if probe.hidden:
        return probe
    probe.end()
    return Overtaken(attempt=probe.tried(_SPOKEN_BEFORE).attempt)


_SPOKEN_BEFORE = AttemptFailed(ErrorClass.CANCELLED, "an earlier probe spoke first")
_SHUTTING_DOWN = AttemptFailed(ErrorClass.CANCELLED, "this process is shutting down")


def _first_heard(among: Iterable[Probe]) -> Probe | None:
    """The first that spoke, else one that is over; None: they are all silent."""
    heard = [probe for probe in among if probe.heard.done()]
    spoke = [probe for probe in heard if probe.spoke_at is not None]
    return min(spoke, key=_spoke_at) if spoke else next(iter(heard), None)


def _spoke_at(probe: Probe) -> float:
    return math.inf if probe.spoke_at is None else probe.spoke_at


async def _any_of(heard: list["asyncio.Future[None]"], *, within: float) -> bool:
    """Wait until one of these is done; False: none was in time."""
    timeout = None if within == math.inf else max(0.0, within)
    done, _ = await asyncio.wait(heard, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
