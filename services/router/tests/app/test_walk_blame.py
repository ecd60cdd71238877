"""Whose fault it is that a target finds a request wrong: the caller's, or the target's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, SkipReason
from failsoft_router.core.errors import CallerFault, RouteExhausted
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
WRONG = AttemptFailed(ErrorClass.CALLER_FAULT, "the request is wrong", http_status=400)
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1)}


@virtual_time.test
async def test_a_fallbacks_400_does_not_keep_the_next_target_from_answering(
    stage: type[Stage],
) -> None:
    """The caller was told to change a request that the third target would have answered."""
    router = stage(a=(BUSY,), b=(WRONG,), d=("hi", DONE))

    assert (await router.ask()).finished.served_by == "d"


@virtual_time.test
async def test_a_fallbacks_400_does_not_hide_that_the_best_target_is_out(
    stage: type[Stage],
) -> None:
    """What the best target would say of the request nobody knows while its breaker is open."""
    router = stage(a=(BUSY,), b=[("hi", DONE), (WRONG,)], targets={"a": TOUCHY})
    await router.ask()

    error = await router.refused()

    assert error.hops[0].skip_reason is SkipReason.CIRCUIT_OPEN
    assert isinstance(error, RouteExhausted)
    assert error.retry_after is not None


@virtual_time.test
async def test_a_field_that_a_fallback_names_is_the_callers_to_mend(stage: type[Stage]) -> None:
    named = AttemptFailed(ErrorClass.CALLER_FAULT, "a message is wrong", names_field=True)
    router = stage(a=(BUSY,), b=(named,), d=("hi", DONE))

    error = await router.refused()

    assert isinstance(error, CallerFault)
    assert router.targets["d"].calls == []


@virtual_time.test
async def test_what_failed_is_told_and_not_what_a_fallback_suspects(stage: type[Stage]) -> None:
    """Waiting may help, and a new request would not."""
    router = stage(a=(BUSY,), b=[("hi", DONE), (WRONG,)], c=(BUSY,), targets={"a": TOUCHY})
    await router.ask()

    error = await router.refused()

    assert error.cause is ErrorClass.TRANSIENT
