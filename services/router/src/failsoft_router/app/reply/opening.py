"""What is known of an answer when its first content leaves."""

from failsoft_model.chat import Degradation
from failsoft_model.walk import CacheStatus
from failsoft_router.app.reply.delivery import Opening
from failsoft_router.core.plan import Plan
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP, Policy
from failsoft_router.ports import Found


def opening(speaker: str, *, found: Found, policy: Policy, plan: Plan) -> Opening:
    """What is known of the answer of a target, the cache or the mock that speaks now.

    Args:
        found: What the walk's look-up in the cache gave.
        plan: The walk's.
    """
    if speaker == CACHE_HOP:
        model = "" if found.answer is None else found.answer.model
        is_stale = found.status is CacheStatus.HIT_STALE
        degradation = Degradation.STALE_CACHE if is_stale else Degradation.NONE
    elif speaker == MOCK_HOP:
        model, degradation = speaker, Degradation.MOCK
    else:
        model = policy.targets[speaker].model
        degradation = Degradation.NONE if speaker == plan.best else Degradation.FALLBACK_TARGET
    return Opening(
        served_by=speaker,
        model=model,
        degradation=degradation,
        cache_status=found.status,
        cache_age=found.age,
    )
