"""When a target that has fallen silent is left alone before its breaker has opened.

Silence is proven by the policy's limit alone, which is ten seconds by default; callers of
a target that was fast go on much sooner, because silence is not what it used to do. Each
that does so without a first content leaves the target in doubt, until it says something.

Whoever comes while it is in doubt makes a call that runs on to the policy's limit. When as
many callers have gone on, one after the other, as open a breaker, and enough such calls are
out to open it, there is nothing left to find out: others need not wait for it as well.
The calls that are out end the doubt, by a first content or by opening the breaker.
"""


class Doubt:
    """What the callers of one target have found: silence, and calls that will settle it."""

    def __init__(self) -> None:
        self._silent = 0
        self._out = 0

    def __bool__(self) -> bool:
        """Somebody went on without its first content, and it has not spoken since."""
        return self._silent > 0

    def went_on(self) -> None:
        """Somebody went on without its first content, and not because of its own haste."""
        self._silent += 1

    def spoke(self) -> None:
        """A first content came from it."""
        self._silent = 0

    def call_begins(self) -> None:
        """A call that is to run to the policy's limit when its walk goes on.

        It may be ended sooner after all: where as many of its target's calls as open the
        breaker are left running already, or at a service of ours, which keeps its caller's
        deadline.
        """
        self._out += 1

    def call_ends(self) -> None:
        """It has spoken, or is over."""
        self._out -= 1

    def is_being_settled(self, *, failures: int, needed: int) -> bool:
        """Whether the calls that are out will tell, and another one would tell nothing new.

        Args:
            failures: In a row, as the breaker has counted them.
            needed: Failures in a row that open the breaker.
        """
        return self._silent >= needed and self._out + failures >= needed
