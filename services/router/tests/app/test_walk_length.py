"""A request that is too long for one target goes to those that have more room, and to no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
TOO_LONG = AttemptFailed(ErrorClass.CONTEXT_LENGTH, "the request is too long", http_status=400)
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")


@virtual_time.test
async def test_who_is_clearly_too_small_is_not_called(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=("no", DONE), b=("yes", DONE), targets={"a": {"context_tokens": 100}})

    finished = (await router.ask(question("x" * 10_000))).finished

    assert finished.served_by == "b"
    assert finished.hops[0].skip_reason is SkipReason.CONTEXT_LENGTH
    assert router.targets["a"].calls == []


@virtual_time.test
async def test_a_refusal_for_length_rules_out_who_has_no_more_room(stage: type[Stage]) -> None:
    contexts = {"a": 8000, "b": 8000, "c": 4000, "d": 200_000}
    targets = {name: {"context_tokens": tokens} for name, tokens in contexts.items()}
    router = stage(a=(TOO_LONG,), b=("no", DONE), c=("no", DONE), d=("yes", DONE), targets=targets)

    finished = (await router.ask()).finished

    assert finished.served_by == "d"
    assert [hop.skip_reason for hop in finished.hops] == [
        None,
        SkipReason.CONTEXT_LENGTH,
        SkipReason.CONTEXT_LENGTH,
        None,
    ]
    assert finished.hops[1].detail == (
        "a, with a context of 8000 tokens, found the request too long"
    )
    assert router.targets["b"].calls == router.targets["c"].calls == []


@virtual_time.test
async def test_a_probe_that_finds_the_request_too_long_rules_out_the_next(
    stage: type[Stage],
) -> None:
    """It said so while its walk was at another hop."""
    touchy = BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)
    targets: dict[str, dict[str, object]] = {
        "a": {"breaker": touchy, "context_tokens": 8000},
        "c": {"context_tokens": 4000},
    }
    a: list[Script] = [(BUSY,), (1.5, TOO_LONG)]
    b: list[Script] = [("hi", DONE), (1.0, BUSY)]
    router = stage(a=a, b=b, c=("no", DONE), d=("yes", DONE), targets=targets)
    await router.ask()
    await asyncio.sleep(15.0)

    finished = (await router.ask()).finished

    assert finished.served_by == "d"
    assert finished.hops[0].outcome is HopOutcome.FAILED
    assert finished.hops[2].skip_reason is SkipReason.CONTEXT_LENGTH
    assert router.targets["c"].calls == []


@virtual_time.test
async def test_a_hop_that_is_ruled_out_has_no_time_kept_for_it(stage: type[Stage]) -> None:
    """The last target that may be tried has all the time that is left."""
    targets = {name: {"context_tokens": 8000} for name in ("a", "c")}
    router = stage(a=(TOO_LONG,), b=(3.0, "yes", DONE), c=("no", DONE), targets=targets)

    assert (await router.ask(within=4.0)).finished.served_by == "b"
