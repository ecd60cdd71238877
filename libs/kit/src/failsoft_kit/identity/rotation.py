"""Which values of a shared secret are shown, and which are believed, while it is replaced.

    in the file for HOLD_BACK -> shown, until another one is
    in the file for OVERLAP   -> those before it are refused

Who shows a secret and who judges it read it from files of their own, and these change at different
times: Kubernetes gives the pods of a node a new Secret within LAG, in no order, and a file whose
Secret changes twice in that time never has the value between.

A value is believed from the moment it is there. It is shown when it has been in the file for twice
the lag: then it was in the Secret for so long that no file can have missed it. One that was
replaced sooner may be known here alone, and is never shown; its predecessor is, for longer.
So older values are believed until a newer one has been in the file for so long that everybody
shows it, or a later one, by now.
Then nobody is refused, however often and how soon after each other the secret is replaced.

What was in the file when the process began is shown and believed at once: nothing is known of
what was there before. Nothing but that is left of an old value after a restart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LAG_SECONDS = 90.0
"""By how much a file may be behind the Secret: the kubelet looks every 60 to 90 s."""
HOLD_BACK_SECONDS = 2 * LAG_SECONDS
"""Who saw a value for so long knows that everybody has: it came to the first file up to one lag
before it came to the last one, and may have left the Secret one lag before it leaves a file."""
OVERLAP_SECONDS = HOLD_BACK_SECONDS + 2 * LAG_SECONDS
"""Who saw a value for so long knows that everybody had it for HOLD_BACK, by the same reasoning."""

_MOST = 8
"""Contents of the file that are remembered; more in six minutes are no rotation."""


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
            at: Never counts as before the content that it replaces.
        """
        if values == self.current:
            return
        since = max(at, self._contents[-1].since)
        oldest, *others = self._from_last_that_stayed(OVERLAP_SECONDS, until=since)
        shown = self._from_last_that_stayed(HOLD_BACK_SECONDS, until=since)[0]
        others.append(_Content(values=values, since=since))
        kept = others[-(_MOST - 1) :]
        if shown is not oldest and shown not in kept:
            kept[0] = shown
        self._contents = (oldest, *kept)

    def shown(self, now: float) -> str:
        """The value to show others."""
        return self._from_last_that_stayed(HOLD_BACK_SECONDS, until=now)[0].values[0]

    def believed(self, now: float) -> Iterator[str]:
        """Every value that counts now."""
        for content in self._from_last_that_stayed(OVERLAP_SECONDS, until=now):
            yield from content.values

    def _from_last_that_stayed(self, seconds: float, *, until: float) -> Sequence[_Content]:
        """The last content that was in the file for so long, and those after it; where there is
        none, all that are remembered."""
        contents = self._contents
        ends = [*(each.since for each in contents[1:]), until]
        for index in reversed(range(len(contents))):
            if contents[index].since + seconds <= ends[index]:
                return contents[index:]
        return contents
