"""How long a walk waits for a target's first content, and what becomes of the call then.

Three times could be waited for, and the shortest that applies is:

* what the walk has left for the hop, always;
* what the target's history calls late (`History.patience`), where a target behind would be
  let through: else nobody would answer sooner, and the policy's limit is waited for;
* twice the target's usual time, where it is in doubt and somebody behind is well, or where
  the call is a probe.

A call that was not waited for to the policy's limit has not shown yet whether its target
hangs or is slow. In the usual case nobody needs to know: the target is well, another one is
too, and the call ends with the wait. Else it goes on without its walk, because that is how
a hang is found out, or because its answer may be the only one that there will be.

All times are seconds.
"""

import enum
import math

LONGEST = 2.0
"""A walk waits no longer for a target that is out or in doubt, however slow it usually is."""
SHORTEST = 0.1
"""A target that is faster than this is given as long all the same."""
UNKNOWN = 1.0
"""For a target of which nothing is known yet."""


class Behind(enum.Enum):
    """Who could answer in the target's place."""

    NOBODY = "nobody"
    """The walk ends with this hop."""
    SOMEBODY = "somebody"
    """The cache, a mock, or targets that are shut."""
    ON_TRIAL = "on_trial"
    """A target that would be let through, and is not well."""
    WELL = "well"
    """A target that may be hoped for."""


class Manner(enum.Enum):
    """How a call is made, and what becomes of it when its walk waits no longer."""

    DIRECT = "direct"
    """In the walk's own task: it ends with the wait."""
    BESIDE = "beside"
    """It goes on beside the walk, to the target's own limit."""
    HIDDEN = "hidden"
    """The same, as a probe of a target that is out."""


def wait(
    *,
    limit: float,
    slice_: float,
    late: float,
    usual: float | None,
    in_doubt: bool,
    probe: bool,
    behind: Behind,
    beside: bool,
) -> tuple[Manner, float]:
    """How the next call is made, and how long its walk waits for the first content.

    Args:
        limit: The policy's, after which a target has failed.
        slice_: What the walk has left for the hop.
        late: What the target's history calls so; at most `limit`.
        usual: The target's usual time; None: not known.
        in_doubt: Somebody went on without its first content, and it has not spoken since.
        probe: The call is a probe of a target that is out.
        beside: A call of an earlier hop may still speak, and the walk has to hear it.

    Returns:
        The time is infinite where the call's own end is waited for.
    """
    full = late if behind in (Behind.ON_TRIAL, Behind.WELL) else limit
    if in_doubt and behind is Behind.WELL:
        full = min(full, twice(usual))
    patience = min(full, slice_)
    if probe and behind is not Behind.NOBODY:
        return Manner.HIDDEN, min(patience, twice(usual))
    undecided = in_doubt or patience < full or behind is not Behind.WELL
    if patience < limit and undecided:
        return Manner.BESIDE, patience
    if beside:
        return Manner.BESIDE, patience if patience < limit else math.inf
    return Manner.DIRECT, patience


def twice(usual: float | None) -> float:
    """Twice the usual time, because half of all healthy answers take longer than that.

    Args:
        usual: None: not known.
    """
    if usual is None:
        return UNKNOWN
    return min(max(2 * usual, SHORTEST), LONGEST)
