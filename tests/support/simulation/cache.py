"""An answer cache in a dict: it takes its time, and is away when the weather says so."""

import asyncio
import hashlib
from collections.abc import Callable

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.context import SpanContext
from failsoft_model.walk import CacheStatus
from failsoft_router.ports import Found, Keeping, StoredAnswer
from simulation.schedule import CacheWeather

LIMIT = 0.05
"""Seconds after which a look-up in a cache that is away gives up."""

_AWAY = Found(key=b"", status=CacheStatus.BYPASS, away=True)


class SimulatedCache:
    """See `ports.AnswerCache`."""

    def __init__(
        self,
        weather: CacheWeather,
        *,
        clock: Clock,
        stored: Callable[[StoredAnswer, Keeping], None],
    ) -> None:
        """
        Args:
            stored: Told of every answer that is to be kept.
        """
        self._weather = weather
        self._clock = clock
        self._start = clock.now()
        self._stored = stored
        self._kept: dict[bytes, tuple[StoredAnswer, Keeping]] = {}

    async def find(
        self,
        canonical: bytes,
        *,
        tenant: str,
        fresh: bool,
        max_age: float | None,
        span: SpanContext,
    ) -> Found:
        """See `ports.AnswerCache`."""
        if not await self._is_there():
            return _AWAY
        key = hashlib.sha256(tenant.encode() + b"\0" + canonical).digest()
        if fresh and key in self._kept:
            answer, keeping = self._kept[key]
            age = self._clock.unix() - answer.created
            if age < keeping.fresh_for and (max_age is None or age <= max_age):
                return Found(key=key, status=CacheStatus.HIT_FRESH, age=age, answer=answer)
        return Found(key=key, status=CacheStatus.MISS)

    async def find_stale(self, key: bytes, *, tenant: str, span: SpanContext) -> Found:
        """See `ports.AnswerCache`."""
        if not await self._is_there():
            return _AWAY
        if key in self._kept:
            answer, keeping = self._kept[key]
            age = self._clock.unix() - answer.created
            if age < keeping.fresh_for + keeping.stale_if_error:
                return Found(key=key, status=CacheStatus.HIT_STALE, age=age, answer=answer)
        return Found(key=key, status=CacheStatus.MISS)

    def store(
        self,
        key: bytes,
        answer: StoredAnswer,
        keeping: Keeping,
        *,
        tenant: str,
        walk: SpanContext,
    ) -> None:
        """See `ports.AnswerCache`; what is sent to a cache that is away is lost."""
        self._stored(answer, keeping)
        if not self._weather.is_away(self._clock.now() - self._start):
            self._kept[key] = (answer, keeping)

    async def _is_there(self) -> bool:
        away = self._weather.is_away(self._clock.now() - self._start)
        await asyncio.sleep(LIMIT if away else self._weather.delay)
        return not away
