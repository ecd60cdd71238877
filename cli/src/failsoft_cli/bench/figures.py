"""What was seen of a model, and what it comes to. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer. Seconds."""

    first_content: float
    """From the question to the first text."""
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Answers that were asked for at once."""

    answers: Sequence[Seen]
    """At least one."""
    wall: float
    """Seconds from the first question to the end of the last answer."""
    cpu: float
    """Seconds of user and system time that all of the service's processes took."""

    @property
    def tokens(self) -> int:
        """Of all answers."""
        return sum(each.tokens for each in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a model answers so many at once. Medians of the rounds."""

    streams: int
    first_content: float
    """Seconds; of the answers of a round the median too."""
    tokens_per_second: float
    """Of all streams together."""
    cpu_per_token: float
    """Seconds."""


def speed_of(rounds: Sequence[Round]) -> Speed:
    """What these rounds come to, all of the same number of streams.

    Raises:
        ValueError: There are none, or one has given no token.
    """
    if not rounds or not all(each.tokens for each in rounds):
        raise ValueError("a speed is told from rounds that have given tokens")
    return Speed(
        streams=len(rounds[0].answers),
        first_content=statistics.median(
            statistics.median(answer.first_content for answer in each.answers) for each in rounds
        ),
        tokens_per_second=statistics.median(each.tokens / each.wall for each in rounds),
        cpu_per_token=statistics.median(each.cpu / each.tokens for each in rounds),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that is known of one tier; None: it did not come to that."""

    why: str = ""
    """How the service says that it runs the model; empty: it never served."""
    load_seconds: float | None = None
    """From the start of its process until it had answered a first question of its own."""
    ready_bytes: int | None = None
    """Resident memory of all its processes then."""
    peak_bytes: int | None = None
    """The most that was seen, from start to end."""
    speeds: Sequence[Speed] = ()
    """By number of streams."""
    trouble: str = ""
    """Why figures are missing; empty: none are."""
