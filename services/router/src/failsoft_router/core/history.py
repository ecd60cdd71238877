"""How long a target usually takes to its first content, how long to wait for it, and what
it failed with last.

The policy's limit is for the worst day: with 10 s, every caller who meets a hang pays
10 s. A target that has lately answered within a fraction of a second gets less:

    limit = FACTOR x the slowest of the last waits, at least FLOOR, at most the policy's

The slowest wait and not a typical one, because a first content comes the later the
longer the prompt is, and a limit that is too short blames a target for a long prompt.
An attempt that was given up leaves the time that was waited for it among the waits, so
that the limit grows by FACTOR with each hang that may have been a slow answer: whoever
learns only from answers that came in time never learns that the target got slower.

The usual time is the median of the answers alone: giving up is no answer.
"""

from collections import deque

from failsoft_model.walk import ErrorClass

LENGTH = 32
"""Waits that are remembered."""

ENOUGH = 8
"""Fewer answers than this say nothing about the slow ones among them."""

FACTOR = 3.0

FLOOR = 2.0
"""Seconds; a target is not given up sooner, however fast it was: a pause of the network,
a cold cache or one long prompt take a second."""

SLOW_SHARE = 0.5


class History:
    """The last first-content times of one target, in seconds."""

    last_error: ErrorClass | None = None
    """Of the last failed attempt; None when there was none."""

    def __init__(self) -> None:
        self._answers: deque[float] = deque(maxlen=LENGTH)
        self._waits: deque[float] = deque(maxlen=LENGTH)

    def add(self, seconds: float) -> None:
        """The first content came this long after the attempt began."""
        self._answers.append(seconds)
        self._waits.append(seconds)

    def gave_up(self, seconds: float) -> None:
        """No content came within this time, and the limit was the target's own."""
        self._waits.append(seconds)

    def usual(self) -> float | None:
        """The median of the last answers, the upper one of two; None: there was none yet."""
        if not self._answers:
            return None
        return sorted(self._answers)[len(self._answers) // 2]

    def first_content_limit(self, policy_limit: float) -> float:
        """Seconds to wait for the first content of the next attempt.

        Args:
            policy_limit: The target's own; never exceeded, and returned while there are
                too few answers to learn from.
        """
        if len(self._answers) < ENOUGH:
            return policy_limit
        return min(policy_limit, max(FLOOR, FACTOR * max(self._waits)))


def is_slow(seconds: float, *, policy_limit: float) -> bool:
    """Whether a first content came so late that the breaker counts it as slow.

    The policy's limit is the measure and not the adaptive one, which follows a target
    that gets slower and would call it slow no more.
    """
    return seconds > SLOW_SHARE * policy_limit
