"""What is noted of one walk on its way, beside its hops: how it found its targets, and what
befell its answer. Moments are those of the clock, in seconds.

Nothing here is computed for those who may ask later; that is done when they do.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from failsoft_model.walk import Hop
from failsoft_router.app.targets.state import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A target as a walk found it when its turn came.

    Attributes:
        at: The moment.
        left: Seconds until content had to come; negative when that was past.
        state: In outline.
    """

    at: float
    left: float
    state: TargetState


class AnswerEventKind(enum.Enum):
    """What befell an answer of which the caller had been sent something."""

    GOES_ON = "goes_on"
    STARTS_OVER = "starts_over"
    BREAKS_OFF = "breaks_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvent:
    """An answer broke off, and what became of it.

    Attributes:
        at: The moment.
        target: Whose answer it was.
        characters: Of text that had been said.
    """

    at: float
    kind: AnswerEventKind
    target: str
    characters: int


@dataclass(slots=True, kw_only=True)
class WalkNotes:
    """The notes of one walk.

    Attributes:
        policy: Digest of the policy that was in force when it began.
        looks: By the position of the hop; of one that was looked at twice, the last.
        late: Hops whose calls ended after their walk had left them, by their positions.
        on_late: Told of all of these each time that one more has ended, once the walk is over.
    """

    policy: str = ""
    looks: dict[int, Look] = field(default_factory=dict)
    events: list[AnswerEvent] = field(default_factory=list)
    late: dict[int, Hop] = field(default_factory=dict)
    on_late: Callable[[Iterable[Hop]], None] | None = None

    def ended_late(self, hop: Hop) -> None:
        """A call that the walk has left behind is over."""
        self.late[hop.position] = hop
        if self.on_late is not None:
            self.on_late(self.late.values())
