"""Whether a failed attempt is followed by another one at the same target, and when.

Nothing else in the code base tries a target twice. The question has one answer, in
seconds, or None: go on to the next hop now. It is None when

* the verdict says that the same target would fail the same way,
* the hop or the walk has had its attempts, or the target's retry budget is spent,
* the target is short of quota and does not say for how long,
* the wait, and the least that an attempt takes, do not fit what the hop has left,
* the target asks for a longer wait than `WAITED_HINT` and a later hop can answer.

Without a hint the wait is drawn from 0 to `BASE` x 2^n ("full jitter": of AWS's
variants the one with the least work for everybody). With a hint the draw is added to it,
because everybody who was refused at that moment was given the same one; what does not
fit is cut from the draw and never from the hint.

All times are seconds.
"""

from failsoft_router.core.budget import FLOOR
from failsoft_router.core.outcome import Lesson, Verdict
from failsoft_router.core.policy import TargetKind

MAX_ATTEMPTS_PER_HOP = {TargetKind.REMOTE: 2, TargetKind.GPU: 1}
"""A GPU that failed once has no second machine behind the same address."""

MAX_HOPS = 4
"""Targets that one walk tries; the cache and the mock are not counted."""

MAX_ATTEMPTS = 6
"""Calls that one walk makes to targets; who is turned away by an endpoint has made none."""

BASE = 0.25
CAP = 5.0
"""No draw is longer."""

WAITED_HINT = 2.5
"""A wait that is worth more than a cold start at another target."""


def delay(
    *,
    verdict: Verdict,
    attempts_on_hop: int,
    attempts_in_walk: int,
    kind: TargetKind,
    hint: float | None,
    slice_left: float,
    later_real_hop: bool,
    draw: float,
    budget_allows: bool,
) -> float | None:
    """Seconds until the next attempt at the same target; None: go on to the next hop now.

    Args:
        verdict: On the attempt that failed.
        attempts_on_hop: Made at this hop, the failed one included; at least 1.
        attempts_in_walk: Made in the whole walk, the failed one included.
        hint: What the target asked to wait for; None: it said nothing.
        slice_left: What the hop has left for waiting and for the first content.
        later_real_hop: A target behind this hop would be let through now.
        draw: Uniform in [0, 1).
        budget_allows: The target's retry budget has one left.
    """
    if (
        not verdict.again
        or attempts_on_hop >= MAX_ATTEMPTS_PER_HOP[kind]
        or attempts_in_walk >= MAX_ATTEMPTS
        or not budget_allows
    ):
        return None
    jitter = draw * min(CAP, BASE * 2.0**attempts_on_hop)
    longest = slice_left - FLOOR
    if hint is None:
        return jitter if jitter <= longest and verdict.lesson is not Lesson.QUOTA else None
    if hint > longest or (hint > WAITED_HINT and later_real_hop):
        return None
    return min(hint + jitter, longest)
