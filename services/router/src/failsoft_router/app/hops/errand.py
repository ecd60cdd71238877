"""What one walk was sent for, and what it may still spend on it: time and calls."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from failsoft_kit.clock import Clock
from failsoft_kit.deadline import Deadline
from failsoft_model.chat import ChatRequest
from failsoft_model.walk import Hop, SkipReason, Usage
from failsoft_router.app.explain.notes import WalkNotes
from failsoft_router.core import budget

NOTHING_SPENT = Usage()


@dataclass(slots=True, kw_only=True)
class Errand:
    """One walk's request and its allowance; every hop of the walk shares it.

    Attributes:
        deadline: The caller's own; it may have none.
        patience: Seconds to the first content where the caller has no deadline.
        streams: The caller is given the answer piece by piece.
        may_restart: An answer of which the caller has been given something may be started
            over.
        began: Moment of the clock at which the walk began.
        first_content_by: Moment of the clock by which content has to come from somebody.
        attempts: Calls to targets so far, without those that an endpoint turned away.
        targets: Targets that were called so far.
        formless: Answers so far without the form that was asked for.
        spent: Tokens of the calls whose words are in the answer that another target goes on
            with; guessed, because nobody counts an answer that broke off.
        notes: For who asks later how the walk went.
        cut_short: The last that was heard of a target is that it was given no more time.
    """

    request: ChatRequest
    walk_id: str
    tenant: str
    deadline: Deadline
    patience: float
    streams: bool
    may_restart: bool
    clock: Clock
    began: float = field(init=False)
    first_content_by: float = field(init=False)
    attempts: int = 0
    targets: int = 0
    formless: int = 0
    spent: Usage = NOTHING_SPENT
    cut_short: bool = False
    notes: WalkNotes = field(default_factory=WalkNotes)

    def __post_init__(self) -> None:
        self.began = self.clock.now()
        self.begin_anew()

    @property
    def end_at(self) -> float:
        """Moment of the clock at which the caller is gone; infinite without a deadline."""
        return self.deadline.at - budget.REPLY

    @property
    def given(self) -> float | None:
        """Seconds from the start of the walk to the caller's deadline; None: it has none."""
        return self.deadline.at - self.began if math.isfinite(self.deadline.at) else None

    def begin_anew(self) -> None:
        """The first content is waited for from now on, as at the start of the walk."""
        if math.isfinite(self.deadline.at):
            self.first_content_by = self.deadline.at
        else:
            self.first_content_by = self.clock.now() + self.patience

    def to_first_content(self) -> float:
        """Seconds left until content has to come; negative when that is past."""
        return self.first_content_by - self.clock.now()

    def has_time_to_look_up(self, *, times: int) -> bool:
        """Whether so many look-ups in the cache leave time for the reply."""
        return budget.has_time_to_look_up(self.deadline.left(self.clock.now()), times=times)

    def expired(self, hops: Iterable[Hop]) -> bool:
        """The caller's own deadline cut the last call short, or kept a hop from being tried.

        A deadline that is near when the last target fails by itself has ended nothing.
        """
        if not math.isfinite(self.deadline.at):
            return False
        if any(hop.skip_reason is SkipReason.DEADLINE for hop in hops):
            return True
        left = self.deadline.left(self.clock.now())
        return self.cut_short and left <= budget.REPLY + budget.FLOOR
