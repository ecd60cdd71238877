"""The probe that a walk has left running, and goes on beside.

At most one at a time: as long as it may still speak, a later hop that would be a probe
is an ordinary attempt against it, and whoever speaks first answers.
"""

from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_model.walk import Attempt
from failsoft_router.app.delivery import Delivery
from failsoft_router.app.errand import Errand
from failsoft_router.app.probe import Probe
from failsoft_router.app.trail import OpenHop
from failsoft_router.core import budget
from failsoft_router.ports import AttemptFailed, Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidings:
    """What came of a hop whose target was asked."""

    hop: OpenHop
    attempts: tuple[Attempt, ...]
    result: Ending | AttemptFailed


class Beside:
    """The place beside one walk, for one probe."""

    def __init__(self, errand: Errand, delivery: Delivery, *, clock: Clock) -> None:
        self._errand = errand
        self._delivery = delivery
        self._clock = clock
        self._probe: Probe | None = None

    @property
    def probe(self) -> Probe | None:
        """It has not been followed yet; None: there is none."""
        return self._probe

    def may_speak(self) -> bool:
        """Whether something may still come from a call of an earlier hop."""
        return self._probe is not None and not self._probe.over

    async def put(self, probe: Probe) -> Tidings | None:
        """Leave this probe running; what came of an earlier one, which is over by now."""
        earlier, self._probe = self._probe, probe
        return await self._follow(earlier)

    async def hear(self) -> Tidings | None:
        """Follow the probe if it spoke or is over; None: it has not, or was ended from outside."""
        if self._probe is None or not (self._probe.spoke or self._probe.over):
            return None
        return await self.follow()

    async def wait(self) -> Tidings | None:
        """Nobody else is left: what the probe says is better than nothing."""
        if self._probe is None:
            return None
        left = self._errand.to_first_content() - budget.REPLY
        if not await self._probe.news(within=max(0.0, left)):
            self._errand.cut_short = True
            return None
        return await self.follow()

    async def follow(self) -> Tidings | None:
        """Hand on what the probe says up to its end; None: it was ended from outside."""
        probe, self._probe = self._probe, None
        return await self._follow(probe)

    def leave(self) -> None:
        """The walk is over; what the probe finds out is for its target's sake only."""
        if self._probe is not None:
            self._probe.leave()

    async def _follow(self, probe: Probe | None) -> Tidings | None:
        if probe is None:
            return None
        try:
            tried = await probe.follow(self._delivery.take, until=self._errand.end_at)
        except BaseException:
            probe.leave()
            raise
        if tried is None:
            return None
        attempts = (*probe.earlier, tried.attempt)
        return Tidings(hop=probe.hop, attempts=attempts, result=tried.result)
