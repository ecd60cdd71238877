"""How a walk ends well: with a target's answer, a stored one, or a made-up one."""

import math
from dataclasses import replace

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.span import Span
from failsoft_model.chat import Degradation
from failsoft_model.events import Delta, Finished
from failsoft_model.walk import FinishReason, SkipReason, Usage
from failsoft_router import span_names
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.hops.trail import OpenHop, Trail
from failsoft_router.app.reply.delivery import Delivery
from failsoft_router.app.reply.pace import say
from failsoft_router.app.walks.cache import WalkCache
from failsoft_router.core.mock import CannotMock, mock_answer
from failsoft_router.core.plan import Plan
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP
from failsoft_router.ports import Ending, Found, StoredAnswer


class Serving:
    """Serves one walk's answer, whoever gave it."""

    def __init__(
        self,
        *,
        errand: Errand,
        plan: Plan,
        span: Span,
        trail: Trail,
        delivery: Delivery,
        cache: WalkCache,
        clock: Clock,
    ) -> None:
        """
        Args:
            span: The walk's.
        """
        self._errand = errand
        self._plan = plan
        self._span = span
        self._trail = trail
        self._delivery = delivery
        self._cache = cache
        self._clock = clock

    async def fresh(self) -> Finished | None:
        """Answer with what is stored, where a fresh answer may be given; None: there is none."""
        found = self._cache.found
        if self._errand.has_time_to_look_up(times=1):
            found = await self._cache.look_up(self._span)
        if found.answer is None:
            return None
        return await self._stored(found, found.answer, Degradation.NONE)

    async def target(self, name: str, ending: Ending) -> Finished:
        """The answer that was delivered is whole: store it, and end the walk."""
        is_best = name == self._plan.best and self._delivery.going_on is None
        degradation = Degradation.NONE if is_best else Degradation.FALLBACK_TARGET
        ending = self._with_spent(ending)
        self._cache.keep(
            self._delivery.choice,
            ending,
            served_by=name,
            degradation=degradation,
            walk=self._span,
        )
        return await self._finish(
            served_by=name,
            model=ending.model,
            degradation=degradation,
            finish_reason=ending.finish_reason,
            usage=ending.usage,
            dropped=ending.dropped_parameters,
        )

    async def stale(self, hop: OpenHop) -> Finished | None:
        """Answer with what is stored, however old; None: nothing is, and the hop is skipped."""
        # Without a key the cache was away at the start, and is asked for that first.
        if not self._errand.has_time_to_look_up(times=1 if self._cache.found.key else 2):
            await self._skip(hop, SkipReason.DEADLINE, "too little time is left")
            return None
        found = await self._cache.stale(hop.span)
        if found.answer is None:
            reason = SkipReason.CACHE_UNAVAILABLE if found.away else SkipReason.NO_STORED_ANSWER
            await self._skip(hop, reason, _CACHE_WORDS[reason])
            return None
        self._trail.served(hop)
        return await self._stored(found, found.answer, Degradation.STALE_CACHE)

    async def mock(self, hop: OpenHop) -> Finished | None:
        """Answer with a mock; None: none can be made, and the hop is skipped."""
        try:
            answer = mock_answer(self._errand.request)
        except CannotMock as refusal:
            await self._skip(hop, SkipReason.CAPABILITY, str(refusal))
            return None
        await self._make_room(MOCK_HOP)
        await say(
            answer.pieces,
            lambda text: self._delivery.take(Delta(text=text)),
            clock=self._clock,
            by=self._errand.end_at if self._delivery.streams else -math.inf,
        )
        self._trail.served(hop)
        return await self._finish(
            served_by=MOCK_HOP,
            model=MOCK_HOP,
            degradation=Degradation.MOCK,
            finish_reason=FinishReason.LENGTH if answer.cut else FinishReason.STOP,
            usage=Usage(),
        )

    async def _make_room(self, speaker: str) -> None:
        """An answer of its own follows; what a target has said before it died is void."""
        await self._delivery.taker(speaker, None)

    def _with_spent(self, ending: Ending) -> Ending:
        """The ending of an answer that several targets told, with the tokens of all of them."""
        spent, usage = self._errand.spent, ending.usage
        if self._delivery.going_on is None or usage is None:
            return ending
        total = replace(
            usage,
            input_tokens=usage.input_tokens + spent.input_tokens,
            output_tokens=usage.output_tokens + spent.output_tokens,
        )
        return replace(ending, usage=total)

    async def _stored(
        self, found: Found, answer: StoredAnswer, degradation: Degradation
    ) -> Finished:
        await self._make_room(CACHE_HOP)
        await self._delivery.take_whole(answer.choice)
        return await self._finish(
            served_by=CACHE_HOP,
            model=answer.model,
            degradation=degradation,
            finish_reason=answer.finish_reason,
            usage=answer.usage,
            cache_age=found.age,
        )

    async def _skip(self, hop: OpenHop, reason: SkipReason, detail: str) -> None:
        await self._delivery.tell(self._trail.skipped(hop, reason, detail))

    async def _finish(
        self,
        *,
        served_by: str,
        model: str,
        degradation: Degradation,
        finish_reason: FinishReason,
        usage: Usage | None,
        cache_age: float | None = None,
        dropped: tuple[str, ...] = (),
    ) -> Finished:
        self._span.set(span_names.SERVED_BY, served_by)
        self._span.set(span_names.DEGRADATION, degradation.value)
        self._span.set(span_names.FALLBACK_USED, degradation is not Degradation.NONE)
        finished = Finished(
            finish_reason=finish_reason,
            served_by=served_by,
            model=model,
            usage=usage,
            degradation=degradation,
            cache_status=self._cache.found.status,
            cache_age=cache_age,
            hops=self._trail.hops,
            dropped_parameters=dropped,
            trace_id=self._span.trace_id,
            walk_id=self._errand.walk_id,
            route=self._plan.route.name,
            request_id=self._errand.request.request_id,
        )
        await self._delivery.emit(finished)
        return finished


_CACHE_WORDS = {
    SkipReason.CACHE_UNAVAILABLE: "the cache is away",
    SkipReason.NO_STORED_ANSWER: "no answer to this question is stored",
}
