"""A check asks a target for a few tokens and says in one word how it went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.app.calls.check import Check, CheckResult, check_target
from failsoft_router.core.policy import CredentialSource, Provider
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m-2026")


async def checked(router: Stage) -> Check:
    return await check_target(
        router.board.place("a"),
        tenant="acme",
        attempt_id="check/1/1",
        span=router.caller().span,
        clock=router.clock,
    )


@virtual_time.test
async def test_a_target_that_answers_is_well(stage: type[Stage]) -> None:
    router = stage(a=(0.25, "OK", DONE))

    assert await checked(router) == Check(
        result=CheckResult.OK, detail="m-2026 answered", latency=0.25
    )
    (call,) = router.targets["a"].calls
    assert call.request.sampling.max_tokens == 16


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        (AttemptFailed(ErrorClass.CREDENTIAL, "…"), CheckResult.BAD_CREDENTIAL),
        (AttemptFailed(ErrorClass.QUOTA, "…"), CheckResult.NO_QUOTA),
        (AttemptFailed(ErrorClass.RATE_LIMITED, "…"), CheckResult.NO_QUOTA),
        (AttemptFailed(ErrorClass.RATE_LIMITED, "…", sent=False), CheckResult.NO_QUOTA),
        (AttemptFailed(ErrorClass.MODEL_GONE, "…"), CheckResult.UNKNOWN_MODEL),
        (AttemptFailed(ErrorClass.TIMEOUT_CONNECT, "…", sent=False), CheckResult.NO_NETWORK),
        (AttemptFailed(ErrorClass.TRANSIENT, "…", sent=False), CheckResult.NO_NETWORK),
        (AttemptFailed(ErrorClass.TRANSIENT, "…"), CheckResult.FAILED),
        (AttemptFailed(ErrorClass.TRANSIENT, "…", http_status=503), CheckResult.FAILED),
        (AttemptFailed(ErrorClass.MALFORMED, "…"), CheckResult.FAILED),
    ],
)
def test_a_failure_is_one_of_a_few_words(
    stage: type[Stage], failure: AttemptFailed, result: CheckResult
) -> None:
    async def walk() -> None:
        assert await checked(stage(a=(0.5, failure))) == Check(
            result=result, detail="…", latency=0.5
        )

    virtual_time.run(walk())


@virtual_time.test
async def test_an_endpoint_without_room_is_followed_by_the_next(stage: type[Stage]) -> None:
    full = AttemptFailed(ErrorClass.RATE_LIMITED, "it is overloaded", retry_after=2.0)
    service = {"provider": Provider.FAILSOFT, "endpoint": "kubernetes:///models/llama:grpc"}
    one, two = "10.0.0.1:50051", "10.0.0.2:50051"
    router = stage(
        targets={"a": {**service, "external": False}},
        endpoints={one: (full,), two: [("OK", DONE), (full,)]},
        a=(),
    )
    async with router.watching():
        await router.sees("llama", one, two)
        results = [(await checked(router)).result for _ in range(3)]

    assert results == [CheckResult.OK, CheckResult.NO_QUOTA, CheckResult.NO_QUOTA]
    assert [len(router.endpoints[each].calls) for each in (one, two)] == [1, 2]


@virtual_time.test
async def test_a_hang_costs_the_first_content_limit(stage: type[Stage]) -> None:
    check = await checked(stage(a=(math.inf,)))

    assert (check.result, check.latency) == (CheckResult.FAILED, 4.0)


class NoKey:
    """A credential that is not there."""

    def value(self) -> str | None:
        return None


@virtual_time.test
async def test_without_a_key_it_says_where_to_put_one(stage: type[Stage]) -> None:
    source = CredentialSource(file="/keys/a", env="A_KEY")
    router = stage(a=(), targets={"a": {"credential": source}}, credentials={"a": NoKey()})

    assert await checked(router) == Check(
        result=CheckResult.NO_CREDENTIAL,
        detail="no key was found: write it to /keys/a or set A_KEY and start again",
        latency=None,
    )


@virtual_time.test
async def test_a_check_counts_for_no_gate(stage: type[Stage]) -> None:
    router = stage(a=(AttemptFailed(ErrorClass.TRANSIENT, "…"),))
    for _ in range(20):
        await checked(router)

    assert router.board.place("a").gates.health.counts(router.clock.now()).calls == 0
    assert router.board.place("a").gates.health.last_error is None
