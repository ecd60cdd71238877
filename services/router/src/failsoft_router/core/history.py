"""How long a target usually takes to its first content, and how long to wait for it.

The policy's limit is for the worst day: with 10 s, every caller who meets a hang pays
10 s. Callers of a target that has lately answered within a fraction of a second wait less
before they go on to the next one:

    wait = FACTOR x the slowest of the last answers, at least FLOOR, at most the policy's

This says how long a caller waits, and nothing about the target: a first content comes the
later the longer the prompt is, so a target fails only when the policy's limit has passed.
Whoever goes on before that leaves the target in doubt (`doubt`). Callers of a target in
doubt wait for its usual time only, if another one is well, and their calls go on beside
their walks, so that a hang is found and a slow answer is learned.

The usual time is the median of the answers.
"""

import math
from collections import deque

LENGTH = 32
"""Answers that are remembered."""

ENOUGH = 8
"""Fewer answers than this say nothing about the slow ones among them."""

FACTOR = 3.0

FLOOR = 2.0
"""Seconds; nobody goes on sooner, however fast the target was: a pause of the network,
a cold cache or one long prompt take a second."""

SLOW_SHARE = 0.5


class History:
    """The last first-content times of one target, in seconds."""

    def __init__(self) -> None:
        self._answers: deque[float] = deque(maxlen=LENGTH)

    def add(self, seconds: float) -> None:
        """The first content came this long after the attempt began."""
        self._answers.append(seconds)

    def usual(self) -> float | None:
        """The median of the last answers, the upper one of two; None: there was none yet."""
        if not self._answers:
            return None
        return sorted(self._answers)[len(self._answers) // 2]

    def share_within(self, share: float) -> float | None:
        """Seconds within which this share of the last answers came; None: there was none yet.

        Args:
            share: Over 0, at most 1; the 0.5 of two answers is the faster one's.
        """
        if not self._answers:
            return None
        return sorted(self._answers)[math.ceil(len(self._answers) * share) - 1]

    @property
    def answers(self) -> int:
        """How many are remembered."""
        return len(self._answers)

    def patience(self, policy_limit: float) -> float:
        """Seconds to wait for the first content of the next attempt before going on.

        Args:
            policy_limit: The target's own; never exceeded, and returned while there are
                too few answers to learn from.
        """
        if len(self._answers) < ENOUGH:
            return policy_limit
        return min(policy_limit, max(FLOOR, FACTOR * max(self._answers)))


def is_slow(seconds: float, *, policy_limit: float) -> bool:
    """Whether a first content came so late that the breaker counts it as slow.

    The policy's limit is the measure and not what callers wait, which follows a target
    that gets slower and would call it slow no more.
    """
    return seconds > SLOW_SHARE * policy_limit
