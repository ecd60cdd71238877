"""What an operator sees of a target is what keeps callers from it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.walk import ErrorClass, FinishReason, SkipReason
from failsoft_router.app.targets.state import CredentialState, GateState, TargetState, state_of
from failsoft_router.core.breaker import State
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import BreakerPolicy, CredentialSource, Limits
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
GATES = [
    SkipReason.ISOLATED,
    SkipReason.CREDENTIAL_QUARANTINE,
    SkipReason.TARGET_GONE,
    SkipReason.QUOTA,
    SkipReason.SAME_FATE,
    SkipReason.BULKHEAD,
]


def state(router: Stage, name: str = "a") -> TargetState:
    return state_of(router.board.place(name), router.clock.now())


def gate(router: Stage, reason: SkipReason) -> GateState:
    return next(each for each in state(router).gates if each.skip_reason is reason)


def failing(error_class: ErrorClass, retry_after: float | None = None) -> AttemptFailed:
    return AttemptFailed(error_class, "…", retry_after=retry_after)


class Key:
    """A credential that can be replaced."""

    def __init__(self, key: str | None) -> None:
        self.key = key

    def value(self) -> str | None:
        return self.key


@virtual_time.test
async def test_nothing_has_happened_to_a_new_target(stage: type[Stage]) -> None:
    router = stage(a=())

    seen = state(router)

    assert list(seen.gates) == [GateState(skip_reason=each, shut=False) for each in GATES]
    assert (seen.health.state, seen.health.due_at, seen.health.changed_at) == (
        State.CLOSED,
        None,
        None,
    )
    assert (seen.calls_in_flight, seen.usual) == (0, None)


@virtual_time.test
async def test_a_key_a_missing_key_and_no_need_for_one_are_three_things(
    stage: type[Stage],
) -> None:
    needed = {"credential": CredentialSource(env="KEY")}
    router = stage(
        a=(),
        b=(),
        c=(),
        targets={"a": needed, "b": needed},
        credentials={"a": Key("sk-1"), "b": Key(None), "c": Key("our token")},
    )

    states = [state(router, name).credential for name in "abc"]

    assert states == [
        CredentialState.PRESENT,
        CredentialState.MISSING,
        CredentialState.NOT_NEEDED,
    ]


@pytest.mark.parametrize("error", [ErrorClass.CALLER_FAULT, ErrorClass.RATE_LIMITED])
def test_a_breaker_tells_of_no_error_that_it_did_not_count(
    stage: type[Stage], error: ErrorClass
) -> None:
    """An operator was shown a caller's mistake as what is wrong with the target."""

    async def walk() -> None:
        router = stage(a=(failing(error),))
        await router.refused()

        assert state(router).health.last_error is None

    virtual_time.run(walk())


@virtual_time.test
async def test_an_open_breaker_says_why_since_when_and_until_when(stage: type[Stage]) -> None:
    touchy = {"breaker": BreakerPolicy(consecutive_failures=1)}
    router = stage(a=(failing(ErrorClass.TRANSIENT),), b=("hi", DONE), targets={"a": touchy})
    await router.ask()
    began = router.clock.now()
    await asyncio.sleep(1.0)

    health = state(router).health

    assert health.state is State.OPEN
    assert health.changed_at == began
    assert health.due_at == began + 5.0
    assert health.last_error is ErrorClass.TRANSIENT
    assert (health.counts.calls, health.counts.failures) == (1, 1)
    assert health.consecutive_failures == 1


@virtual_time.test
async def test_a_quota_gate_says_so_while_it_is_shut_and_after(stage: type[Stage]) -> None:
    router = stage(a=(failing(ErrorClass.RATE_LIMITED, retry_after=30.0),), b=("hi", DONE))
    await router.ask()
    began = router.clock.now()

    shut = gate(router, SkipReason.QUOTA)
    await asyncio.sleep(30.0)
    open_again = gate(router, SkipReason.QUOTA)

    assert shut == GateState(
        skip_reason=SkipReason.QUOTA,
        shut=True,
        due_at=began + 30.0,
        detail="the provider said that there were too many requests",
        last_error=ErrorClass.RATE_LIMITED,
        changed_at=began,
    )
    assert (open_again.shut, open_again.due_at) == (False, None)
    assert open_again.changed_at == began + 30.0
    assert open_again.detail == shut.detail


@virtual_time.test
async def test_a_quarantine_ends_with_another_key(stage: type[Stage]) -> None:
    key = Key("sk-bad")
    router = stage(a=(failing(ErrorClass.CREDENTIAL),), b=("hi", DONE), credentials={"a": key})
    await router.ask()

    shut = gate(router, SkipReason.CREDENTIAL_QUARANTINE)
    key.key = "sk-good"
    lifted = gate(router, SkipReason.CREDENTIAL_QUARANTINE)

    assert shut.shut
    assert shut.detail == "the provider refused the credential"
    assert (lifted.shut, lifted.due_at, lifted.changed_at) == (False, None, None)


@virtual_time.test
async def test_an_isolation_is_told_with_who_and_why_until_its_true_end(
    stage: type[Stage],
) -> None:
    router = stage(a=())
    began, isolation = router.clock.now(), router.board.place("a").gates.isolation
    order = IsolationOrder(since=began, until=began + 600.0, actor="ada", reason="a new driver")
    isolation.isolate(order)

    shut = gate(router, SkipReason.ISOLATED)
    await asyncio.sleep(5.0)
    isolation.release(router.clock.now())
    released = gate(router, SkipReason.ISOLATED)

    assert (shut.shut, shut.due_at, shut.changed_at) == (True, began + 600.0, began)
    assert shut.detail == released.detail == "isolated by ada: a new driver"
    assert (released.shut, released.due_at, released.changed_at) == (False, None, began + 5.0)


@virtual_time.test
async def test_a_target_that_fell_silent_is_told_before_its_breaker_opens(
    stage: type[Stage],
) -> None:
    router = stage(a=[*[(0.2, "hi", DONE)] * 20, (math.inf,)], b=("hi", DONE), limits=Limits())
    for _ in range(20):
        await router.ask()
    well = state(router).health
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        for _ in range(30):
            tasks.create_task(router.ask())
            await asyncio.sleep(0.1)

        silent = state(router).health

    assert (well.state, well.fallen_silent) == (State.CLOSED, False)
    assert (silent.state, silent.fallen_silent) == (State.CLOSED, True)


@virtual_time.test
async def test_a_full_target_has_its_calls_and_a_shut_gate(stage: type[Stage]) -> None:
    room = {"concurrency": 1, "tokens_in_flight": 8000}
    router = stage(a=(2.0, "hi", DONE), targets={"a": room})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(router.ask())
        await asyncio.sleep(1.0)

        full = state(router)

    assert full.calls_in_flight == 1
    assert 0 < full.tokens_in_flight <= 8000
    assert state(router).tokens_in_flight == 0
    assert full.gates[-1].shut
    assert state(router).usual == 2.0
    assert not state(router).gates[-1].shut


@virtual_time.test
async def test_without_a_way_out_the_targets_outside_are_cut_off(stage: type[Stage]) -> None:
    cut = AttemptFailed(ErrorClass.TIMEOUT_CONNECT, "no route", sent=False)
    router = stage(
        a=(cut,), b=(cut,), c=("hi", DONE), targets={"c": {"endpoint": "http://127.0.0.1:1/v1"}}
    )
    await router.ask()

    gates = {name: state(router, name).gates[-2] for name in "abc"}

    assert [gates[name].shut for name in "abc"] == [True, True, False]
    assert gates["a"].due_at == router.clock.now() + 5.0
    assert gates["a"].detail == "our own way out of the network is down"


@virtual_time.test
async def test_the_passing_of_time_alone_is_no_change(stage: type[Stage]) -> None:
    router = stage(a=(failing(ErrorClass.RATE_LIMITED, retry_after=30.0),), b=("hi", DONE))
    await router.ask()

    before = state(router)
    await asyncio.sleep(3.0)

    assert state(router) == before
