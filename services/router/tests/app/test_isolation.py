"""An operator's order takes a target out, and is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from failsoft_kit.identity import Kind, Principal
from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, SkipReason
from failsoft_router.app.targets.isolation import Released, isolate, release
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import Provider
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

OPERATOR = Principal(tenant="default", kind=Kind.SERVICE)


def order(router: Stage, seconds: float) -> IsolationOrder:
    now = router.clock.now()
    return IsolationOrder(since=now, until=now + seconds, actor="ada", reason="a new driver")


def released(router: Stage, name: str = "a", *, all_gates: bool = False) -> Released:
    return release(
        router.board.place(name),
        all_gates=all_gates,
        actor="bob",
        principal=OPERATOR,
        now=router.clock.now(),
    )


@virtual_time.test
async def test_a_second_order_replaces_the_first_and_a_release_ends_it(
    stage: type[Stage],
) -> None:
    router = stage(a=())
    place = router.board.place("a")
    isolate(place, order(router, 600.0), principal=OPERATOR)

    isolate(place, order(router, 60.0), principal=OPERATOR)
    assert place.due_in(router.clock.now()) == 60.0
    assert released(router).was_isolated

    assert place.due_in(router.clock.now()) == 0.0
    assert not released(router).was_isolated


@virtual_time.test
async def test_an_order_survives_a_new_policy(stage: type[Stage]) -> None:
    """A target that was taken out for a reason does not come back because a limit was edited."""
    router = stage(a=())
    isolate(router.board.place("a"), order(router, 600.0), principal=OPERATOR)

    router.boards.adopt(router.board.policy)

    assert router.board.place("a").due_in(router.clock.now()) == 600.0


@virtual_time.test
async def test_each_order_leaves_an_audit_line(stage: type[Stage]) -> None:
    router = stage(a=())
    place = router.board.place("a")

    with capture_logs() as lines:
        isolate(place, order(router, 600.0), principal=OPERATOR)
        released(router)

    assert lines == [
        {
            "event": "target.isolated",
            "log_level": "warning",
            "target": "a",
            "seconds": 600.0,
            "actor": "ada",
            "reason": "a new driver",
            "principal": "service of default",
        },
        {
            "event": "target.released",
            "log_level": "warning",
            "target": "a",
            "was_isolated": True,
            "opened": [],
            "actor": "bob",
            "principal": "service of default",
        },
    ]


@pytest.mark.parametrize(
    ("error_class", "reason"),
    [
        (ErrorClass.RATE_LIMITED, SkipReason.QUOTA),
        (ErrorClass.QUOTA, SkipReason.QUOTA),
        (ErrorClass.CREDENTIAL, SkipReason.CREDENTIAL_QUARANTINE),
        (ErrorClass.MODEL_GONE, SkipReason.TARGET_GONE),
    ],
)
@virtual_time.test
async def test_an_operator_who_knows_more_opens_what_a_refusal_has_shut(
    stage: type[Stage], error_class: ErrorClass, reason: SkipReason
) -> None:
    """The account was paid, and its target stayed out for up to an hour."""
    refused = AttemptFailed(error_class, "it said so", retry_after=3600.0)
    done = Ending(finish_reason=FinishReason.STOP, model="m")
    router = stage(a=[(refused,), ("hi", done)])
    await router.refused()

    assert released(router).opened == ()
    assert (await router.refused()).hops[0].skip_reason is reason
    with capture_logs() as lines:
        assert released(router, all_gates=True).opened == (reason,)

    assert lines[0]["opened"] == [reason.value]
    assert (await router.ask()).finished.served_by == "a"
    assert released(router, all_gates=True).opened == ()


@virtual_time.test
async def test_an_operator_who_knows_more_has_full_endpoints_asked_again(
    stage: type[Stage],
) -> None:
    """Each was left out for the time that it had named, behind a gate that was open."""
    refused = AttemptFailed(ErrorClass.RATE_LIMITED, "it is overloaded", retry_after=9.0)
    done = Ending(finish_reason=FinishReason.STOP, model="m")
    service = {"provider": Provider.FAILSOFT, "endpoint": "kubernetes:///models/llama:grpc"}
    pod = "10.0.0.1:50051"
    router = stage(
        targets={"a": {**service, "external": False}},
        endpoints={pod: [(refused,), ("hi", done)]},
        a=(),
    )
    async with router.watching():
        await router.sees("llama", pod)
        await router.refused()
        assert released(router, all_gates=True).opened == (SkipReason.QUOTA,)

        assert (await router.ask()).finished.served_by == "a"
