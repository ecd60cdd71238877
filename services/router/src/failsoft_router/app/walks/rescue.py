"""What becomes of one walk's answer when its target dies after it has spoken.

The judgement is `core/rescue.py`'s; here it is carried out. A target that goes on is asked by
`target_hop.py`, and its pieces are put behind what was said by the delivery.
"""

from dataclasses import replace

from failsoft_model.events import BlockKind
from failsoft_model.walk import ErrorClass
from failsoft_router.app.explain.notes import AnswerEvent, AnswerEventKind
from failsoft_router.app.hops.beside import Beside
from failsoft_router.app.hops.errand import NOTHING_SPENT, Errand
from failsoft_router.app.reply.delivery import Delivery
from failsoft_router.core.policy import Midstream
from failsoft_router.core.rescue import Continuation, Otherwise, rescue
from failsoft_router.core.tokens import estimate_tokens, text_tokens


class Rescue:
    """Decides and prepares, for one streamed walk, how its answer goes on."""

    def __init__(
        self,
        errand: Errand,
        delivery: Delivery,
        beside: Beside,
        *,
        midstream: Midstream,
        sees_resets: bool,
    ) -> None:
        """
        Args:
            midstream: The route's.
            sees_resets: The reader can be told that what it was sent is void.
        """
        self._errand = errand
        self._delivery = delivery
        self._beside = beside
        self._midstream = midstream
        self._sees_resets = sees_resets
        self._paid_for = 0
        """Characters of the answer whose tokens were counted."""

    @property
    def binds(self) -> bool:
        """Whether only those who go on from what was said can answer."""
        return self._delivery.going_on is not None and not self._sees_resets

    async def after(self, reason: ErrorClass) -> bool:
        """Prepare for the next target, now that one has died of this.

        Returns:
            False: what was said is all that there will be.
        """
        self._delivery.break_off(reason)
        if not self._delivery.content_left:
            return True
        self._beside.leave_outdated(may_start_over=self._sees_resets)
        judged = rescue(
            self._delivery.said,
            self._errand.request,
            midstream=self._midstream,
            sees_resets=self._sees_resets,
        )
        self._note(judged)
        match judged:
            case Continuation() as going_on:
                await self._go_on(going_on)
            case Otherwise.START_OVER:
                await self._delivery.start_over()
        return judged is not Otherwise.FAIL

    def _note(self, judged: Continuation | Otherwise) -> None:
        """For who asks later what befell the answer."""
        kind = _NOTED[judged] if isinstance(judged, Otherwise) else AnswerEventKind.GOES_ON
        self._errand.notes.events.append(
            AnswerEvent(
                at=self._errand.clock.now(),
                kind=kind,
                target=self._delivery.speaker,
                characters=sum(len(block.text) for block in self._delivery.said),
            )
        )

    async def _go_on(self, going_on: Continuation) -> None:
        if self._delivery.going_on is None:
            self._errand.spent, self._paid_for = NOTHING_SPENT, 0
        if going_on.void_from is not None:
            await self._delivery.void(from_block=going_on.void_from)
        self._pay()
        self._delivery.going_on = replace(going_on, void_from=None)

    def _pay(self) -> None:
        """Count what the dead target has been asked and has said, if it has said anything."""
        texts = (block.text for block in self._delivery.said if block.kind is BlockKind.TEXT)
        said = "".join(texts)
        before, new = said[: self._paid_for], said[self._paid_for :]
        if not new:
            return
        spent = self._errand.spent
        asked = estimate_tokens(self._errand.request) + text_tokens(before)
        self._errand.spent = replace(
            spent,
            input_tokens=spent.input_tokens + asked,
            output_tokens=spent.output_tokens + text_tokens(new),
        )
        self._paid_for = len(said)


_NOTED = {
    Otherwise.START_OVER: AnswerEventKind.STARTS_OVER,
    Otherwise.FAIL: AnswerEventKind.BREAKS_OFF,
}
