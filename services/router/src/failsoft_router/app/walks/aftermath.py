"""What the outcome of a hop leads to: an answer, the next hop, or the end of the walk."""

from dataclasses import replace

from failsoft_model.events import Finished
from failsoft_model.walk import Attempt, ErrorClass, SkipReason
from failsoft_router.app.calls.trial import OutOfTime
from failsoft_router.app.hops.beside import Tidings
from failsoft_router.app.hops.trail import OpenHop
from failsoft_router.app.targets.gates import Refusal
from failsoft_router.app.walks.acceptance import why_not
from failsoft_router.app.walks.parts import Parts
from failsoft_router.app.walks.verdict import broken, stopped
from failsoft_router.core.outcome import goes_on
from failsoft_router.ports import AttemptFailed, Ending


class Aftermath:
    """Takes one walk on from each of its hops."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def settle(self, tidings: Tidings) -> Finished | None:
        """End the walk with what a target said, or go on to the next hop.

        Raises:
            WalkError: The walk ends here, without an answer.
        """
        parts = self._parts
        match tidings:
            case Tidings(hop=hop, result=Ending() as ending):
                failure = await why_not(ending, parts.delivery, parts.errand)
                if failure is None:
                    parts.trail.served(hop, tidings.attempts)
                    return await parts.serving.target(hop.planned.name, ending)
                *earlier, last = tidings.attempts
                last = replace(last, error_class=failure.error_class, detail=failure.detail)
                await self._failed(hop, (*earlier, last), failure)
            case Tidings(hop=hop, result=AttemptFailed() as failure):
                await self._failed(hop, tidings.attempts, failure)
        return None

    async def refused(self, hop: OpenHop, refusal: Refusal, attempts: tuple[Attempt, ...]) -> None:
        """Go on to the next hop; one that was tried before it was overtaken was not skipped."""
        if attempts:
            await self._parts.delivery.tell(self._parts.trail.overtaken(hop, attempts))
        else:
            await self.skip(hop, refusal.reason, refusal.detail, due_in=refusal.due_in)

    async def skip(
        self, hop: OpenHop, reason: SkipReason, detail: str, *, due_in: float = 0.0
    ) -> None:
        """Go on to the next hop, without having asked this one."""
        await self._parts.delivery.tell(
            self._parts.trail.skipped(hop, reason, detail, due_in=due_in)
        )

    async def _failed(
        self, hop: OpenHop, attempts: tuple[Attempt, ...], failure: AttemptFailed
    ) -> None:
        """Go on to the next hop, or raise."""
        parts = self._parts
        ended = parts.trail.failed(hop, failure.error_class, failure.detail, attempts)
        await parts.delivery.tell(ended)
        parts.errand.cut_short = isinstance(failure, OutOfTime)
        if not goes_on(
            failure.error_class,
            content_filter_falls_back=parts.route.content_filter_falls_back,
            is_certain=self._is_to_blame(hop, failure),
        ):
            raise stopped(parts.facts(), failure)
        if failure.error_class is ErrorClass.CONTEXT_LENGTH:
            parts.prospects.was_too_long_for(hop.planned.name)
        if attempts[-1].time_to_first_content is not None:
            # The route's deadline is to the first content; the next target has its own.
            parts.errand.begin_anew()
        facts = parts.facts()
        # A reset when the time is over would void what was said for nothing better.
        expired = parts.delivery.content_left and parts.errand.expired(facts.hops)
        if expired or not await parts.rescue.after(failure.error_class):
            raise broken(facts, failure, expired=expired)

    def _is_to_blame(self, hop: OpenHop, failure: AttemptFailed) -> bool:
        """Whether it is certain that the caller's request is wrong, if that is what was said.

        Nobody's request to go on is the caller's.
        """
        is_best = hop.planned.name == self._parts.prospects.plan.best
        return self._parts.delivery.going_on is None and (failure.names_field or is_best)
