"""What happened in one run, written down as it happens; `promises` reads it afterwards.

Times are moments of the loop's clock, in seconds.
"""

import enum
import math
from dataclasses import dataclass, field

from failsoft_kit.telemetry.span import Span
from failsoft_model.events import Answer, BlockKind, Delta, Event, Finished, StreamReset
from failsoft_model.walk import ErrorClass, Hop
from failsoft_router.core.breaker import Permit, Result, State
from failsoft_router.core.errors import WalkError
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.ports import AttemptFailed, Keeping, StoredAnswer
from simulation.schedule import Act, Isolated, PlannedRequest, Schedule


class End(enum.Enum):
    """How a call to a target ended."""

    ANSWERED = "gave a whole answer"
    FAILED = "failed"
    STOPPED = "stopped without an ending"
    CRASHED = "crashed"
    CLOSED = "was given up"


@dataclass(slots=True)
class Blocks:
    """What somebody holds of an answer: the kind and the text of each block."""

    blocks: dict[int, tuple[BlockKind, str]] = field(default_factory=dict)

    def take(self, piece: Delta | StreamReset) -> None:
        """Add a piece, or forget what it voids."""
        if isinstance(piece, Delta):
            _, text = self.blocks.get(piece.block, (piece.kind, ""))
            self.blocks[piece.block] = (piece.kind, text + piece.text)
        else:
            kept = {at: each for at, each in self.blocks.items() if at < piece.from_block}
            self.blocks = kept

    @property
    def said(self) -> tuple[tuple[BlockKind, str], ...]:
        """What was said, in order."""
        return tuple(self.blocks.values())


@dataclass(slots=True, kw_only=True)
class Leave:
    """One permit of a breaker, from its asking to its return.

    Attributes:
        judged: When it was found good before its end; infinite: it was not.
        slow: It came back with word of a late first content.
    """

    breaker: str
    asked: "Asked | None"
    permit: Permit
    given: float
    judged: float = math.inf
    returned: float = math.inf
    result: Result | None = None
    slow: bool = False
    returns: int = 0


@dataclass(slots=True, kw_only=True)
class Line:
    """One connection to a target; infinitely late: it was not closed."""

    policy: TargetPolicy
    closed: float = math.inf


@dataclass(slots=True, kw_only=True)
class Call:
    """One call to a target, as the target saw it.

    Attributes:
        line: That it came over.
        leave: The permit that its request held then; None: it held none.
        policy: Its target's, as it was for its walk.
        key: The credential that it was made with.
        patience: What callers waited for its first content, by what was known of the target.
        connect: The limit that it was given.
        said: What it has said.
        voided: What it had said before each time that it started over.
        waited_from: Since when it is waited for; infinite while a reader reads.
        read_for: Seconds that readers took.
        longest_read: Seconds that they took for one piece, at most.
        failure: Of a call that failed.
    """

    target: str
    attempt_id: str
    line: Line
    asked: "Asked"
    act: Act
    leave: Leave | None
    policy: TargetPolicy
    key: str | None
    patience: float
    began: float
    connect: float
    total: float
    said: Blocks = field(default_factory=Blocks)
    voided: list[tuple[tuple[BlockKind, str], ...]] = field(default_factory=list)
    first_content_at: float | None = None
    waited_from: float = math.inf
    read_for: float = 0.0
    longest_read: float = 0.0
    end: End | None = None
    ended: float = math.inf
    failure: AttemptFailed | None = None

    @property
    def error_class(self) -> ErrorClass | None:
        """Of a call that failed."""
        return None if self.failure is None else self.failure.error_class

    def __str__(self) -> str:
        ending = "goes on" if self.end is None else self.end.value
        return f"{self.target} ({self.attempt_id}) {self.act.value}, and {ending}"


@dataclass(slots=True, kw_only=True)
class Look:
    """A breaker after something happened to it.

    Attributes:
        after: What it was told; None: it was asked.
        slow: It was told of a slow call.
        forced: It was told of a forced call.
    """

    at: float
    state: State
    due: float
    after: Result | None
    slow: bool = False
    forced: bool = False


@dataclass(slots=True, kw_only=True)
class Stored:
    """One answer that was given to the cache."""

    at: float
    asked: "Asked | None"
    answer: StoredAnswer
    keeping: Keeping


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request: what its caller saw.

    Attributes:
        deadline: Infinite without one.
        left_at: When the caller hung up; infinite: it did not.
        cut_off: It hung up because its deadline had passed.
        crash: An error that no caller can act on.
        read_for: Seconds that its reader took.
    """

    planned: PlannedRequest
    began: float
    deadline: float
    trace_id: int
    walk_id: str = ""
    events: list[tuple[float, Event]] = field(default_factory=list)
    held: Blocks = field(default_factory=Blocks)
    answer: Answer | None = None
    error: WalkError | None = None
    crash: BaseException | None = None
    left_at: float = math.inf
    cut_off: bool = False
    ended: float = math.inf
    read_for: float = 0.0
    calls: list[Call] = field(default_factory=list)
    leaves: list[Leave] = field(default_factory=list)

    def leave_of(self, breaker: str) -> Leave | None:
        """The permit of this breaker that its walk holds now, the latest one of several."""
        held = (each for each in reversed(self.leaves) if each.breaker == breaker)
        return next((leave for leave in held if leave.returns == 0), None)

    @property
    def finished(self) -> Finished | None:
        """The facts about its answer; None: it got none."""
        if self.answer is not None:
            return self.answer.finished
        last = self.events[-1][1] if self.events else None
        return last if isinstance(last, Finished) else None

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The hops that its reply tells of; empty without a reply."""
        if self.error is not None:
            return self.error.hops
        return () if self.finished is None else self.finished.hops

    @property
    def hung_up(self) -> bool:
        """The caller went away before its reply came."""
        return self.left_at <= self.ended


@dataclass(slots=True)
class Story:
    """Everything that happened in one run.

    Attributes:
        opened: Every connection to a target.
        looks: Of each breaker; it has the name of the first target that it guards.
        breaker_of: Target to its breaker's name.
        isolated: Orders that were given; a target that the policy lost gets none.
        lost: What was not as it was at first when all was over.
        failure: Why the run did not come to its end; empty when it did.
        log: What `lines` puts into words.
    """

    schedule: Schedule
    asked: list[Asked] = field(default_factory=list)
    opened: list[Line] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    leaves: list[Leave] = field(default_factory=list)
    looks: dict[str, list[Look]] = field(default_factory=dict)
    breaker_of: dict[str, str] = field(default_factory=dict)
    stored: list[Stored] = field(default_factory=list)
    spans_started: list[Span] = field(default_factory=list)
    spans_ended: list[Span] = field(default_factory=list)
    isolated: list[Isolated] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    failure: str = ""
    log: list[tuple[float, str, object, tuple[object, ...]]] = field(default_factory=list)

    def note(self, at: float, who: str, what: object, *values: object) -> None:
        """Write one line of the story; it is put into words only when somebody reads it."""
        self.log.append((at, who, what, values))

    @property
    def lines(self) -> list[str]:
        """The story for people: seconds from the start, who, what."""
        start = self.schedule.start
        return [
            f"{at - start:10.4f}  {who:<8} {str(what).format(*map(_word, values))}"
            for at, who, what, values in self.log
        ]


def _word(value: object) -> str:
    match value:
        case enum.Enum():
            return str(value.value)
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)
