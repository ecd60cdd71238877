"""The hops of a walk in words, as errors and the log tell them."""

from collections.abc import Iterable

from failsoft_model.walk import Hop, HopOutcome


def story(hops: Iterable[Hop]) -> str:
    """Each hop in a few words: names and reasons, nothing of the request."""
    words = []
    for hop in hops:
        if hop.outcome is HopOutcome.SKIPPED and hop.skip_reason is not None:
            words.append(f"{hop.target} skipped ({hop.skip_reason.value})")
        elif hop.error_class is not None:
            words.append(f"{hop.target} failed ({hop.error_class.value})")
        elif hop.outcome is HopOutcome.SERVED:
            words.append(f"{hop.target} served")
        elif hop.outcome is HopOutcome.PROBING:
            words.append(f"{hop.target} has said nothing yet")
    return ", ".join(words) or "the route has no hops"
