"""A provider that says when it wants the next request is left alone until then, and no longer."""

import grpc
import pytest
from router_under_test import Router, StartRouter, openai_target

from failsoft_kit.rpc.status import from_rpc_error
from failsoft_router.core.gate import RATE_LIMITED_SECONDS
from failsoft_upstream import Upstream, faults
from failsoft_upstream.faults import HintForm

pytestmark = pytest.mark.integration

EVENTS = {"content-type": "text/event-stream"}
ANSWER = (
    'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
    'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    "data: [DONE]\n\n"
)
USED_UP = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20s"}


@pytest.fixture
async def alone(start_router: StartRouter, first: Upstream) -> Router:
    """A router with one target and nobody behind it."""
    return await start_router(
        {
            "targets": {"only": openai_target(first)},
            "routes": {"chat": {"default": True, "hops": ["only"]}},
        }
    )


async def told_to_wait(router: Router) -> float:
    """Seconds after which a caller who got nothing is told to come back."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await router.ask()
    error = from_rpc_error(caught.value)
    assert error.metadata.get("cause", "rate_limited") == "rate_limited"
    assert error.retry_after is not None
    return error.retry_after


@pytest.mark.parametrize("form", HintForm)
async def test_a_hint_in_every_form_shuts_the_target_for_as_long_as_it_says(
    alone: Router, first: Upstream, form: HintForm
) -> None:
    """Who is told when, and not only to come back, does not come back with all the others."""
    await first.set_fault(faults.Status(status=429, retry_after=30.0, form=form))

    assert await told_to_wait(alone) == pytest.approx(30.0, abs=3.0)
    assert await told_to_wait(alone) == pytest.approx(30.0, abs=3.0)
    assert first.meter.calls == 1


async def test_what_is_used_up_is_waited_for_and_nothing_else(
    alone: Router, first: Upstream
) -> None:
    tokens = {"x-ratelimit-remaining-tokens": "9000", "x-ratelimit-reset-tokens": "6m0s"}
    await first.set_fault(faults.Status(status=429, headers={**USED_UP, **tokens}))

    assert await told_to_wait(alone) == pytest.approx(20.0, abs=3.0)


async def test_a_hint_that_is_garbage_is_as_good_as_none(alone: Router, first: Upstream) -> None:
    headers = {"retry-after": "-7", "x-ratelimit-reset-requests": "soon"}
    await first.set_fault(faults.Status(status=429, headers=headers))

    assert await told_to_wait(alone) == pytest.approx(RATE_LIMITED_SECONDS, abs=3.0)


async def test_an_answer_that_says_nothing_remains_shuts_nobody_out(
    router: Router, first: Upstream
) -> None:
    """The provider has just answered; the next one may find a request's worth refilled."""
    await first.set_fault(faults.Status(status=200, headers={**EVENTS, **USED_UP}, body=ANSWER))

    served = [(await router.ask()).finished.served_by for _ in range(3)]

    assert served == ["first"] * 3
