"""Whether a target's whole answer is the caller's."""

from failsoft_model.walk import ErrorClass
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.reply.delivery import Delivery
from failsoft_router.core import retry
from failsoft_router.core.form import is_misformed
from failsoft_router.ports import AttemptFailed, Ending

MOST_MISFORMED = 2
"""Answers without the form that was asked for. What two models cannot keep is hardly their
fault, and each try costs a whole answer."""


async def why_not(ending: Ending, delivery: Delivery, errand: Errand) -> AttemptFailed | None:
    """Why the answer that has ended is not the caller's; None: it is, and all of it is out.

    The form is judged where another answer can still take its place.
    """
    try:
        await delivery.finish()
    except AttemptFailed as failure:
        return failure
    if not errand.may_restart:
        return None
    if not is_misformed(delivery.choice, errand.request, ending.finish_reason):
        return None
    errand.formless += 1
    if errand.formless >= MOST_MISFORMED:
        errand.targets = retry.MAX_HOPS
    return AttemptFailed(
        ErrorClass.SCHEMA_INVALID, "the answer does not have the form that was asked for"
    )
