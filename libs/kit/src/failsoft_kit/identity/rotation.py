"""Which values of a shared secret are shown, and which are believed, while it is replaced.

    in the file --HOLD_BACK--> shown
    gone from the file --OVERLAP--> refused

Who shows a secret and who judges it read it from files of their own, and these change at different
times: Kubernetes gives the pods of a node a new Secret within about 90 s, in no order. A new value
is believed from the moment it is there. It is shown later, when the others have it too, and until
then its predecessor is. An old value is believed for longer than anybody may go on showing it: the
time between the two files, and the hold-back.
So nobody is refused while HOLD_BACK and OVERLAP - HOLD_BACK are both more than that time.

What was in the file when the process began is shown and believed at once: nothing is known of
what was there before. Nothing but that is left of an old value after a restart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

HOLD_BACK_SECONDS = 120.0
OVERLAP_SECONDS = 300.0

_MOST = 8
"""Contents of the file that are remembered; more in five minutes are no rotation."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Content:
    values: Sequence[str]
    since: float


class Rotation:
    """The contents of one file over time; of each, the first value is the one to show.

    Threads may ask and replace: what they share is replaced as a whole.
    """

    def __init__(self, values: Sequence[str]) -> None:
        """
        Args:
            values: At least one.
        """
        first = _Content(values=values, since=float("-inf"))
        self._contents: tuple[_Content, ...] = (first,)

    @property
    def current(self) -> Sequence[str]:
        """What is in the file."""
        return self._contents[-1].values

    def replace(self, values: Sequence[str], *, at: float) -> None:
        """Take note of what has been in the file since then, as far as it is news.

        Args:
            values: At least one.
        """
        if values != self.current:
            since = max(at, self._contents[-1].since)
            self._contents = (*self._contents, _Content(values=values, since=since))[-_MOST:]

    def shown(self, now: float) -> str:
        """The value to show others."""
        contents = self._contents
        due = (each for each in reversed(contents) if each.since + HOLD_BACK_SECONDS <= now)
        return next(due, contents[0]).values[0]

    def believed(self, now: float) -> Iterator[str]:
        """Every value that counts now."""
        contents = self._contents
        for content, successor in pairwise(contents):
            if now < successor.since + OVERLAP_SECONDS:
                yield from content.values
        yield from contents[-1].values
