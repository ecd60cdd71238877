"""How the walks of the last minutes ended: counted by what their callers got, not remembered.

    the walk ends with                                        it counts as
    an answer                                                 its degradation
    nothing: no hop could answer, the deadline came, or a     unanswered
    stream broke off
    the caller's own doing: its request, its content, its     nothing
    hang-up, a stream that it does not read

A walk counts from the moment of its end. There are as many counters as buckets, however
many walks there are.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from failsoft_model.chat import Degradation

WINDOW_SECONDS = 300.0
BUCKETS = 30

_BUCKET_SECONDS = WINDOW_SECONDS / BUCKETS


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkCounts:
    """Walks that ended within the window.

    Attributes:
        answered: By what the callers got; every degradation is there.
        unanswered: Those that got no whole answer.
    """

    answered: Mapping[Degradation, int]
    unanswered: int

    @property
    def ended(self) -> int:
        """All of them."""
        return sum(self.answered.values()) + self.unanswered

    @property
    def fallback_share(self) -> float | None:
        """Those that got less than the best answer, of all: 0 to 1; None: there was no walk."""
        degraded = sum(self.answered.values()) - self.answered[Degradation.NONE]
        return degraded / self.ended if self.ended else None


class RecentWalks:
    """Counts the ends of walks over a window that slides by a bucket at a time."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, Counter[Degradation | None]]] = deque(maxlen=BUCKETS)

    def add(self, got: Degradation | None, *, now: float) -> None:
        """A walk has ended.

        Args:
            got: What its caller got; None: no whole answer.
        """
        slot = int(now // _BUCKET_SECONDS)
        if not self._buckets or self._buckets[-1][0] < slot:
            self._buckets.append((slot, Counter()))
        self._buckets[-1][1][got] += 1

    def counts(self, now: float) -> WalkCounts:
        """What has ended within the window, the bucket that is being filled included."""
        oldest = int(now // _BUCKET_SECONDS) - BUCKETS
        total: Counter[Degradation | None] = Counter()
        for slot, counted in self._buckets:
            if slot > oldest:
                total.update(counted)
        return WalkCounts(
            answered={each: total[each] for each in Degradation}, unanswered=total[None]
        )
