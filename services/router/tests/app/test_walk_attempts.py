"""A reply tells of each attempt when it began, how long it took, and what was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "it was busy")
RESET = AttemptFailed(ErrorClass.TRANSIENT, "the connection broke")


@virtual_time.test
async def test_each_attempt_has_its_own_start_and_its_own_cause(stage: type[Stage]) -> None:
    targets = {"a": {"attempts": 2}}
    router = stage(a=[(1.0, BUSY), (0.5, RESET)], b=(0.25, "hi", DONE), targets=targets)

    hops = (await router.ask()).finished.hops

    (first, second), (third,) = hops[0].attempts, hops[1].attempts
    assert [each.detail for each in (first, second, third)] == ["it was busy", RESET.detail, ""]
    assert first.started == pytest.approx(0.0)
    assert second.started > first.started + first.latency, "it waits before it tries again"
    assert third.started == pytest.approx(second.started + second.latency)
