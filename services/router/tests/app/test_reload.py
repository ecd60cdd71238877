"""Another policy comes into force as a whole, while walks go on, or not at all."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.errors import FieldViolation
from failsoft_model.events import Delta
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.app.targets.ledger import KEPT_SECONDS
from failsoft_router.app.targets.reload import Reloader, Standing
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import PolicyRefused
from failsoft_router.core.policy import BreakerPolicy, CredentialSource, Limits, Policy
from failsoft_router.ports import AttemptFailed, Ending, WrittenPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
ONE_FAILURE = BreakerPolicy(consecutive_failures=1, probes=1)


def refusal(digest: str) -> PolicyRefused:
    return PolicyRefused(
        digest=digest,
        violations=[FieldViolation(field="routes.chat.hops[0]", description="names nobody")],
    )


class Desk:
    """Where policies are written; reading takes a second."""

    def __init__(self, written: WrittenPolicy | Exception) -> None:
        self.written = written
        self.read_at: list[float] = []

    async def read(self) -> WrittenPolicy:
        self.read_at.append(asyncio.get_running_loop().time())
        written = self.written
        await asyncio.sleep(1.0)
        if isinstance(written, Exception):
            raise written
        return written


class Office:
    """A reloader over a stage, and what it told."""

    def __init__(self, stage: Stage) -> None:
        self.desk = Desk(WrittenPolicy(policy=stage.board.policy, digest="old"))
        self.told: list[str] = []
        self.reloader = Reloader(
            self.desk, stage.boards, in_force="old", told=lambda now: self.told.append(str(now))
        )


def without(stage: Stage, name: str) -> Policy:
    """The stage's policy without one of its targets."""
    policy = stage.board.policy
    chat = policy.routes["chat"]
    return replace(
        policy,
        targets={each: target for each, target in policy.targets.items() if each != name},
        routes={"chat": replace(chat, hops=tuple(hop for hop in chat.hops if hop != name))},
    )


def edited(stage: Stage, name: str, **fields: object) -> Policy:
    """The stage's policy with one of its targets changed."""
    policy = stage.board.policy
    target = replace(policy.targets[name], **fields)  # type: ignore[arg-type] # any field
    return replace(policy, targets={**policy.targets, name: target})


@asynccontextmanager
async def closing(stage: Stage) -> AsyncIterator[None]:
    """Unused connections are closed inside the block."""
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(stage.connections.run())
        yield
        work.cancel()


async def broken() -> None:
    raise RuntimeError("a mistake of somebody's")


async def settle() -> None:
    """Let everything happen that can happen now."""
    await asyncio.sleep(0.001)


# One policy after another.


@virtual_time.test
async def test_the_next_walk_is_planned_by_the_new_policy(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), b=("hi", DONE))
    office = Office(router)
    office.desk.written = WrittenPolicy(policy=without(router, "a"), digest="new")

    assert await office.reloader.reload() is True

    assert (await router.ask()).finished.served_by == "b"
    assert office.reloader.standing == Standing(in_force="new")
    assert office.told == ["policy old is in force", "policy new is in force"]


@virtual_time.test
async def test_a_policy_that_says_the_same_changes_nothing(stage: type[Stage]) -> None:
    """A comment was edited: the digest is another one, the policy is not."""
    router = stage(a=("hi", DONE))
    office, board = Office(router), router.board
    office.desk.written = WrittenPolicy(policy=replace(router.board.policy), digest="new")

    assert await office.reloader.reload() is False

    assert router.board is board
    assert office.reloader.standing == Standing(in_force="new")


PRIVATE = {"a.example.com": ("10.0.0.7",)}


@virtual_time.test
async def test_a_reload_takes_over_where_names_lead_now(stage: type[Stage]) -> None:
    """The resolver was away at the start; only an edit of the text made up for it."""
    router = stage(a=("hi", DONE), b=("hi", DONE))
    office = Office(router)
    policy = router.board.policy
    assert router.board.place("a").host == "a.example.com"

    office.desk.written = WrittenPolicy(policy=policy, digest="old", addresses=PRIVATE)

    assert await office.reloader.reload() is False
    assert router.board.place("a").host == ""


@virtual_time.test
async def test_a_resolver_that_is_away_takes_nothing_back(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), b=("hi", DONE))
    office, policy = Office(router), router.board.policy
    office.desk.written = WrittenPolicy(policy=policy, digest="old", addresses=PRIVATE)
    await office.reloader.reload()
    board = router.board

    office.desk.written = WrittenPolicy(policy=policy, digest="old")
    await office.reloader.reload()
    assert router.board is board

    office.desk.written = WrittenPolicy(policy=without(router, "b"), digest="new")
    await office.reloader.reload()
    assert router.board.place("a").host == ""


@virtual_time.test
async def test_reloads_at_the_same_time_come_one_after_the_other(stage: type[Stage]) -> None:
    """Otherwise the older reading could come into force last."""
    router = stage(a=("hi", DONE), b=("hi", DONE))
    office, began = Office(router), router.clock.now()
    office.desk.written = WrittenPolicy(policy=without(router, "a"), digest="new")

    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(office.reloader.reload()) for _ in range(3)]

    assert [each.result() for each in asked] == [True, False, False]
    assert [at - began for at in office.desk.read_at] == [0.0, 1.0, 2.0]


# Refusals.


@virtual_time.test
async def test_a_refused_policy_leaves_the_old_one_in_force(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE))
    office, board = Office(router), router.board
    office.desk.written = refusal("bad")

    with pytest.raises(PolicyRefused) as refused:
        await office.reloader.reload()

    assert [each.field for each in refused.value.violations] == ["routes.chat.hops[0]"]
    assert router.board is board
    assert str(office.reloader.standing) == (
        "policy old is in force; a newer one is refused: policy bad has 1 mistake"
    )


@virtual_time.test
async def test_a_refusal_is_told_once_for_each_content(stage: type[Stage]) -> None:
    """A file that stays wrong is read often."""
    office = Office(stage(a=("hi", DONE)))
    for digest in ("bad", "bad", "worse", "worse"):
        office.desk.written = refusal(digest)
        await office.reloader.follow()

    assert office.told == [
        "policy old is in force",
        "policy old is in force; a newer one is refused: policy bad has 1 mistake",
        "policy old is in force; a newer one is refused: policy worse has 1 mistake",
    ]


@virtual_time.test
async def test_a_refusal_is_over_when_the_policy_is_right_again(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE))
    office = Office(router)
    office.desk.written = refusal("bad")
    await office.reloader.follow()
    assert office.reloader.standing.last_read == "bad"

    office.desk.written = WrittenPolicy(policy=router.board.policy, digest="old")
    await office.reloader.follow()

    assert office.reloader.standing == Standing(in_force="old")
    assert office.reloader.standing.last_read == "old"


@virtual_time.test
async def test_a_reload_that_breaks_ends_nothing_and_is_made_up_for(stage: type[Stage]) -> None:
    """A look-up that raised what nobody expected ended the router."""
    router = stage(a=("hi", DONE), b=("hi", DONE))
    office, board = Office(router), router.board
    office.desk.written = RuntimeError("a mistake of ours")

    await office.reloader.follow()

    assert router.board is board
    assert office.reloader.standing == Standing(in_force="old")
    office.desk.written = WrittenPolicy(policy=without(router, "a"), digest="new")
    await office.reloader.follow()
    assert office.reloader.standing == Standing(in_force="new")


@virtual_time.test
async def test_who_asks_for_a_reload_that_breaks_is_told(stage: type[Stage]) -> None:
    office = Office(stage(a=("hi", DONE)))
    office.desk.written = RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError):
        await office.reloader.reload()


# What is in flight.


@virtual_time.test
async def test_a_stream_goes_on_when_its_target_is_removed(stage: type[Stage]) -> None:
    """Its connection is closed when the stream is over, and not before."""
    router = stage(a=("one ", 1.0, "two ", DONE), b=("hi", DONE))
    closed: list[bool] = []

    async def reader(event: Event) -> None:
        if isinstance(event, Delta):
            router.boards.adopt(without(router, "a"))
            await settle()
            closed.append(router.targets["a"].closed)

    async with closing(router):
        events = await router.stream(reader=reader)
        await settle()

        assert "".join(each.text for each in events if isinstance(each, Delta)) == "one two "
        assert closed == [False, False]
        assert router.targets["a"].closed
        assert not router.targets["b"].closed


@virtual_time.test
async def test_a_walk_comes_to_a_target_that_was_removed_since_it_began(
    stage: type[Stage],
) -> None:
    router = stage(a=(1.0, BUSY), b=("hi", DONE), c=("hi", DONE))

    async with closing(router), asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(router.ask())
        await asyncio.sleep(0.5)
        router.boards.adopt(without(router, "b"))
        await settle()

        assert not router.targets["b"].closed
        assert (await asking).finished.served_by == "b"
        await settle()
        assert router.targets["b"].closed


@virtual_time.test
async def test_a_probe_that_was_left_behind_keeps_its_target_until_it_is_over(
    stage: type[Stage],
) -> None:
    router = stage(
        a=[(BUSY,), (3.0, "late", DONE)],
        b=("hi", DONE),
        targets={"a": {"breaker": ONE_FAILURE}},
    )
    await router.ask()
    await asyncio.sleep(20.0)

    async with closing(router), router.supervised():
        answer = await router.ask()
        router.boards.adopt(without(router, "a"))
        await settle()
        assert answer.finished.hops[0].outcome is HopOutcome.PROBING
        assert router.targets["a"].running == 1
        assert not router.targets["a"].closed

        await asyncio.sleep(5.0)

        assert router.targets["a"].running == 0
        assert router.targets["a"].closed


@virtual_time.test
async def test_a_target_that_did_not_change_keeps_its_connection(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), b=("hi", DONE))
    async with closing(router):
        router.boards.adopt(edited(router, "b", limits=Limits(first_content=1.0)))
        await settle()

    assert [each.name for each in router.opened] == ["a", "b", "b"]
    assert not router.targets["a"].closed


@virtual_time.test
async def test_a_target_with_another_key_gets_another_connection(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE))
    source = CredentialSource(file="/keys/new")

    router.boards.adopt(edited(router, "a", credential=source))

    assert [each.credential for each in router.opened] == [None, source]


@virtual_time.test
async def test_at_the_end_every_connection_is_closed(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), b=("hi", DONE))
    router.boards.adopt(without(router, "a"))

    await router.connections.close()

    assert all(target.closed for target in router.targets.values())


@virtual_time.test
async def test_a_connection_that_cannot_be_closed_keeps_no_other_open(stage: type[Stage]) -> None:
    """Its error ended the router, and would have come again at the drain."""
    router = stage(a=("hi", DONE), b=("hi", DONE), c=("hi", DONE))
    router.targets["a"].close = broken  # type: ignore[method-assign] # a library's slip

    async with closing(router):
        router.boards.adopt(without(router, "a"))
        router.boards.adopt(without(router, "b"))
        await settle()

    assert router.targets["b"].closed
    await router.connections.close()
    assert router.targets["c"].closed


# What is known of the targets.


@virtual_time.test
async def test_an_open_breaker_stays_open_when_only_limits_change(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), b=("hi", DONE), targets={"a": {"breaker": ONE_FAILURE}})
    await router.ask()

    router.boards.adopt(edited(router, "a", limits=Limits(first_content=1.0), concurrency=7))

    answer = await router.ask()
    assert answer.finished.hops[0].skip_reason is SkipReason.CIRCUIT_OPEN
    assert len(router.targets["a"].calls) == 1
    assert router.board.place("a").gates.health.last_error is ErrorClass.TRANSIENT


@virtual_time.test
async def test_new_thresholds_hold_from_the_next_call(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), b=("hi", DONE))
    await router.ask()
    await router.ask()
    router.boards.adopt(edited(router, "a", breaker=BreakerPolicy(consecutive_failures=3)))
    assert router.board.place("a").gates.health.state is State.CLOSED

    await router.ask()

    assert router.board.place("a").gates.health.state is State.OPEN


@virtual_time.test
async def test_another_model_at_the_endpoint_has_a_breaker_of_its_own(stage: type[Stage]) -> None:
    router = stage(a=[(BUSY,), ("hi", DONE)], targets={"a": {"breaker": ONE_FAILURE}})
    await router.refused()

    router.boards.adopt(edited(router, "a", model="another"))

    assert (await router.ask()).finished.served_by == "a"


@pytest.mark.parametrize(
    ("away", "state"),
    [(KEPT_SECONDS - 1.0, State.OPEN), (KEPT_SECONDS, State.CLOSED)],
    ids=["within ten minutes", "after ten minutes"],
)
def test_what_was_known_of_a_removed_target_is_kept_for_ten_minutes(
    stage: type[Stage], away: float, state: State
) -> None:
    """Whether or not there was another reload meanwhile."""

    async def walk() -> None:
        router = stage(a=(BUSY,), b=("hi", DONE), targets={"a": {"breaker": ONE_FAILURE}})
        before = router.board.policy
        await router.ask()
        router.boards.adopt(without(router, "a"))
        await asyncio.sleep(away)

        router.boards.adopt(before)

        assert router.board.place("a").gates.health.state is state

    virtual_time.run(walk())


@virtual_time.test
async def test_a_call_that_is_still_out_reports_for_the_target_that_comes_back(
    stage: type[Stage],
) -> None:
    router = stage(a=(2.0, BUSY), b=("hi", DONE), targets={"a": {"breaker": ONE_FAILURE}})
    before = router.board.policy

    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(router.ask())
        await asyncio.sleep(1.0)
        router.boards.adopt(without(router, "a"))
        await asking
    router.boards.adopt(before)

    assert router.board.place("a").gates.health.state is State.OPEN


@virtual_time.test
async def test_our_own_way_out_is_not_forgotten_by_a_reload(stage: type[Stage]) -> None:
    unsent = AttemptFailed(ErrorClass.TRANSIENT, "no connection", sent=False)
    router = stage(a=(unsent,), b=(unsent,))
    await router.refused()
    assert router.board.egress.down(router.clock.now())

    router.boards.adopt(edited(router, "a", limits=Limits(first_content=1.0)))

    assert router.board.egress.down(router.clock.now())


@virtual_time.test
async def test_a_hang_across_a_reload_costs_what_its_own_policy_says(stage: type[Stage]) -> None:
    router = stage(a=(math.inf,), b=("hi", DONE))

    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(router.ask())
        await asyncio.sleep(0.5)
        router.boards.adopt(edited(router, "a", limits=Limits(first_content=60.0)))
        answer = await asking

    assert answer.finished.served_by == "b"
    assert router.after() == 4.0
