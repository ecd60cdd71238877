"""A target whose endpoints are watched: called where one is ready, and not waited for else."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.metrics import said
from failsoft_model.chat import ChatRequest
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, Load, SkipReason
from failsoft_router import metric_names, span_names
from failsoft_router.app.targets.state import outline_of, state_of
from failsoft_router.core.breaker import State
from failsoft_router.core.member import Standing
from failsoft_router.core.policy import BreakerPolicy, Provider
from failsoft_router.ports import AttemptFailed, Ending, Neighbour, TargetCall

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="served-model")
WELL: Script = ("hi", DONE)
NOBODY = AttemptFailed(ErrorClass.TRANSIENT, "no connection", sent=False)
ILL = AttemptFailed(ErrorClass.TRANSIENT, "it is not available")
FULL = AttemptFailed(ErrorClass.RATE_LIMITED, "it is overloaded (OVERLOADED)", retry_after=2.0)
FULLER = AttemptFailed(ErrorClass.RATE_LIMITED, "it is overloaded (OVERLOADED)", retry_after=4.0)
BROKEN = AttemptFailed(ErrorClass.TRUNCATED, "its own stream broke off")

LOCAL = {
    "provider": Provider.FAILSOFT,
    "endpoint": "kubernetes:///models/llama:grpc",
    "external": False,
}
ONE, TWO, THREE = "10.0.0.1:50051", "10.0.0.2:50051", "10.0.0.3:50051"


def called(router: Stage) -> dict[str, int]:
    """How often each endpoint was called."""
    return {address: len(target.calls) for address, target in router.endpoints.items()}


def standings(router: Stage) -> dict[str, Standing]:
    state = state_of(router.board.place("local"), router.clock.now())
    return {endpoint.address: endpoint.standing for endpoint in state.endpoints}


def local(stage: type[Stage], *, next_: Script = WELL, **endpoints: Script | list[Script]) -> Stage:
    """A route over `local`, whose endpoints have these scripts, and then `next`."""
    scripts = dict(zip((ONE, TWO, THREE), endpoints.values(), strict=False))
    return stage(targets={"local": LOCAL}, endpoints=scripts, local=(), next=next_)


@virtual_time.test
async def test_without_a_ready_endpoint_the_hop_is_skipped_at_once(stage: type[Stage]) -> None:
    router = local(stage, one=WELL)
    async with router.watching():
        await router.sees("llama", unready=[ONE])
        answer = await router.ask()

    skipped, served = answer.finished.hops
    assert (skipped.target, skipped.outcome) == ("local", HopOutcome.SKIPPED)
    assert skipped.skip_reason is SkipReason.NO_READY_ENDPOINT
    assert skipped.detail == "none of its endpoints is ready"
    assert (served.target, served.outcome) == ("next", HopOutcome.SERVED)
    assert router.after() == 0.0
    assert called(router) == {ONE: 0}


@virtual_time.test
async def test_before_anything_is_known_of_endpoints_the_hop_is_skipped(stage: type[Stage]) -> None:
    router = local(stage, one=WELL)
    async with router.watching():
        answer = await router.ask()

    hop = answer.finished.hops[0]
    assert hop.skip_reason is SkipReason.NO_READY_ENDPOINT
    assert hop.detail == "nobody has said yet which endpoints it has"


@virtual_time.test
async def test_an_endpoint_that_becomes_ready_is_called_at_once(stage: type[Stage]) -> None:
    router = local(stage, one=WELL)
    async with router.watching():
        await router.sees("llama", unready=[ONE])
        await router.ask()
        await router.sees("llama", ONE)
        answer = await router.ask()

    assert answer.finished.served_by == "local"
    assert router.after() == 0.0


@virtual_time.test
async def test_a_walk_comes_back_to_an_endpoint_that_became_ready_meanwhile(
    stage: type[Stage],
) -> None:
    router = local(stage, one=WELL, next_=(1.0, ILL))
    async with router.watching():
        await router.sees("llama", unready=[ONE])
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(router.ask())
            await asyncio.sleep(0.5)
            await router.sees("llama", ONE)

    finished = asked.result().finished
    assert finished.served_by == "local"
    assert [hop.outcome for hop in finished.hops] == [
        HopOutcome.SKIPPED,
        HopOutcome.FAILED,
        HopOutcome.SERVED,
    ]


@virtual_time.test
async def test_a_route_of_absent_targets_says_when_to_ask_again(stage: type[Stage]) -> None:
    router = stage(hops=["local"], targets={"local": LOCAL}, endpoints={ONE: WELL}, local=())
    async with router.watching():
        await router.sees("llama")
        error = await router.refused()

    assert error.retry_after == 5.0
    assert error.hops[0].skip_reason is SkipReason.NO_READY_ENDPOINT


@virtual_time.test
async def test_calls_at_once_are_spread_over_the_endpoints(stage: type[Stage]) -> None:
    slow: Script = (1.0, "hi", DONE)
    router = local(stage, one=slow, two=slow, three=slow)
    async with router.watching():
        await router.sees("llama", ONE, TWO, THREE)
        async with router.supervised(), asyncio.TaskGroup() as tasks:
            for _ in range(6):
                tasks.create_task(router.ask())

    assert called(router) == {ONE: 2, TWO: 2, THREE: 2}


@virtual_time.test
async def test_who_says_that_it_is_busy_is_spared(stage: type[Stage]) -> None:
    busy: Script = (Load(running=7, waiting=2, capacity=8), "hi", DONE)
    router = local(stage, one=busy, two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        for _ in range(5):
            await router.ask()

    assert called(router) == {ONE: 1, TWO: 4}


@virtual_time.test
async def test_an_endpoint_without_a_connection_costs_no_hop_and_no_attempt(
    stage: type[Stage],
) -> None:
    router = local(stage, one=(0.1, NOBODY), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answer = await router.ask()

    assert standings(router) == {ONE: Standing.EJECTED, TWO: Standing.READY}
    (hop,) = answer.finished.hops
    assert (hop.target, hop.outcome, len(hop.attempts)) == ("local", HopOutcome.SERVED, 1)
    (call,) = router.spans.named("chat local-model")
    assert call.attributes[span_names.SERVER_ADDRESS] == "10.0.0.2"
    assert call.attributes[span_names.SERVER_PORT] == 50051


@virtual_time.test
async def test_the_next_endpoint_has_what_is_left_of_the_time_to_connect(
    stage: type[Stage],
) -> None:
    router = local(stage, one=(0.25, NOBODY), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        await router.ask()

    assert router.endpoints[TWO].calls[0].connect == 0.75


@virtual_time.test
async def test_where_no_endpoint_can_be_connected_to_the_hop_has_failed(
    stage: type[Stage],
) -> None:
    router = local(stage, one=(NOBODY,), two=(NOBODY,))
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answer = await router.ask()

    failed, served = answer.finished.hops
    assert (failed.error_class, failed.detail) == (ErrorClass.TRANSIENT, "no connection")
    assert served.target == "next"
    assert called(router) == {ONE: 1, TWO: 1}


@virtual_time.test
async def test_an_endpoint_that_was_sent_the_request_is_not_followed_by_another(
    stage: type[Stage],
) -> None:
    """The walk decides what follows: the same request may be running there."""
    router = local(stage, one=(ILL,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answer = await router.ask()

    assert answer.finished.served_by == "next"
    assert called(router) == {ONE: 1, TWO: 0}


@virtual_time.test
async def test_an_ill_endpoint_is_left_alone_before_the_target_is_shut(stage: type[Stage]) -> None:
    router = local(stage, one=(ILL,), two=(Load(capacity=1), 0.1, "hi", DONE))
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answers = [await router.ask() for _ in range(10)]

    assert called(router)[ONE] == 3
    assert [answer.finished.served_by for answer in answers[-5:]] == ["local"] * 5
    assert router.board.place("local").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_silent_endpoint_is_left_alone(stage: type[Stage]) -> None:
    router = local(stage, one=(math.inf,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        async with router.supervised():
            for _ in range(3):
                await router.ask()
                await asyncio.sleep(4.0)
            answer = await router.ask()

    assert answer.finished.served_by == "local"
    assert standings(router) == {ONE: Standing.EJECTED, TWO: Standing.READY}
    assert called(router) == {ONE: 3, TWO: 1}


@virtual_time.test
async def test_an_impatient_caller_says_nothing_of_an_endpoint(stage: type[Stage]) -> None:
    router = stage(
        hops=["local"],
        targets={"local": LOCAL},
        endpoints={ONE: (math.inf,), TWO: (math.inf,)},
        local=(),
    )
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        for _ in range(8):
            await router.refused(within=1.0)

    assert set(standings(router).values()) == {Standing.READY}


@virtual_time.test
async def test_a_call_to_a_vanished_endpoint_goes_on_until_it_fails(stage: type[Stage]) -> None:
    router = local(stage, one=(0.5, "Hel", 1.0, BROKEN), next_=("Hello", DONE))
    async with router.watching():
        await router.sees("llama", ONE)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(router.ask())
            await asyncio.sleep(1.0)
            await router.sees("llama")
            assert router.endpoints[ONE].running == 1
            assert not router.endpoints[ONE].closed

        failed, served = asked.result().finished.hops
        assert failed.error_class is ErrorClass.TRUNCATED
        assert failed.latency == 1.5
        assert (served.target, served.outcome) == ("next", HopOutcome.SERVED)
        await asyncio.sleep(0)
        assert router.endpoints[ONE].closed


@virtual_time.test
async def test_the_way_to_an_endpoint_is_closed_when_it_has_gone(stage: type[Stage]) -> None:
    router = local(stage, one=WELL, two=WELL)
    async with router.watching():
        await router.sees("llama", ONE)
        await router.ask()
        await router.sees("llama", TWO, unready=[ONE])
        await asyncio.sleep(1.0)
        assert not router.endpoints[ONE].closed
        await router.sees("llama", TWO)
        await asyncio.sleep(1.0)

        assert router.endpoints[ONE].closed
        assert not router.endpoints[TWO].closed


@virtual_time.test
async def test_new_endpoints_are_probed_although_the_breaker_opened_for_the_old_ones(
    stage: type[Stage],
) -> None:
    strict = {**LOCAL, "breaker": BreakerPolicy(consecutive_failures=1, open_cap=30.0)}
    router = stage(
        targets={"local": strict}, endpoints={ONE: (ILL,), TWO: WELL}, local=(), next=WELL
    )
    async with router.watching():
        await router.sees("llama", ONE)
        await router.ask()
        health = router.board.place("local").gates.health
        assert health.due_in(router.clock.now()) > 0.0
        await router.sees("llama")
        await router.sees("llama", TWO)
        answer = await router.ask()

    assert answer.finished.served_by == "local"
    assert router.after() == 0.0


@virtual_time.test
async def test_a_reload_forgets_nothing_of_endpoints(stage: type[Stage]) -> None:
    router = local(stage, one=(NOBODY,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        await router.ask()
        policy = router.board.policy
        changed = replace(policy.targets["local"], concurrency=3)
        router.boards.adopt(replace(policy, targets={**policy.targets, "local": changed}))
        await router.ask()

        assert standings(router) == {ONE: Standing.EJECTED, TWO: Standing.READY}
        assert router.source.followed == ["llama"]


@virtual_time.test
async def test_a_service_that_no_policy_names_any_more_is_not_followed(stage: type[Stage]) -> None:
    router = local(stage, one=WELL)
    async with router.watching():
        await router.sees("llama", ONE)
        await router.ask()
        policy = router.board.policy
        route = replace(policy.routes["chat"], hops=("next",))
        without = replace(policy, targets={"next": policy.targets["next"]}, routes={"chat": route})
        router.boards.adopt(without)
        await asyncio.sleep(1.0)
        assert router.source.followed == []
        assert router.endpoints[ONE].closed

        router.boards.adopt(policy)
        await router.sees("llama", ONE)
        answer = await router.ask()
        assert answer.finished.served_by == "local"


@virtual_time.test
async def test_targets_of_one_service_share_its_watch(stage: type[Stage]) -> None:
    other = {**LOCAL, "model": "other"}
    router = stage(
        targets={"local": LOCAL, "other": other}, endpoints={ONE: WELL}, local=(), other=()
    )
    async with router.watching():
        await router.sees("llama", ONE)

        assert router.source.followed == ["llama"]
        assert all(place.gates.has_endpoint for place in router.board.places())


@virtual_time.test
async def test_how_many_endpoints_are_ready_is_measured(stage: type[Stage]) -> None:
    router = local(stage, one=(NOBODY,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO, unready=[THREE])
        await router.ask()
        told = said(router.meter, metric_names.ENDPOINTS)

    assert told == {
        ("local", "ready"): 1.0,
        ("local", "not_ready"): 1.0,
        ("local", "ejected"): 1.0,
        ("local", "on_trial"): 0.0,
        ("local", "full"): 0.0,
    }


@virtual_time.test
async def test_what_a_walk_notes_of_a_target_does_not_grow_with_its_endpoints(
    stage: type[Stage],
) -> None:
    """There may be hundreds, thousands of walks are remembered, and each looks at its targets."""
    router = local(stage, one=WELL, two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
    place, now = router.board.place("local"), router.clock.now()

    outline, whole = outline_of(place, now), state_of(place, now)

    assert len(whole.endpoints) == 2
    assert outline == replace(whole, endpoints=())


@virtual_time.test
async def test_who_looks_at_a_target_sees_the_endpoint_that_would_be_called(
    stage: type[Stage],
) -> None:
    router = local(stage, one=WELL)
    async with router.watching():
        target = router.board.place("local").target
        assert isinstance(target, Neighbour)
        before = await target.look(within=1.0)
        await router.sees("llama", ONE)
        after = await target.look(within=1.0)

    assert (before.ready, before.why) == (False, "none of its endpoints is ready")
    assert after.ready
    assert called(router) == {ONE: 0}
    state = state_of(router.board.place("local"), router.clock.now())
    assert [endpoint.calls_in_flight for endpoint in state.endpoints] == [0]


@virtual_time.test
async def test_a_target_that_comes_to_a_known_service_has_its_endpoints_at_once(
    stage: type[Stage],
) -> None:
    router = local(stage, one=WELL)
    async with router.watching():
        await router.sees("llama", ONE)
        policy = router.board.policy
        other = replace(policy.targets["local"], name="other", model="other")
        route = replace(policy.routes["chat"], hops=("other",))
        targets = {**policy.targets, "other": other}
        router.boards.adopt(replace(policy, targets=targets, routes={"chat": route}))
        answer = await router.ask()

    assert answer.finished.served_by == "other"


@virtual_time.test
async def test_nobody_hopes_for_a_target_without_endpoints_however_long_it_takes(
    stage: type[Stage],
) -> None:
    """That one will be ready is no matter of time, as a breaker's next probe is."""
    router = local(stage, one=WELL)
    async with router.watching():
        await router.sees("llama", unready=[ONE])
        place = router.board.place("local")
        assert not place.admits(router.clock.now(), within=3600.0)
        await router.sees("llama", ONE)
        assert place.admits(router.clock.now())


@virtual_time.test
async def test_an_endpoint_without_room_is_followed_by_the_next_in_the_same_hop(
    stage: type[Stage],
) -> None:
    router = local(stage, one=(FULL,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answers = [await router.ask() for _ in range(4)]

    assert [answer.finished.served_by for answer in answers] == ["local"] * 4
    assert called(router) == {ONE: 1, TWO: 4}
    assert standings(router) == {ONE: Standing.FULL, TWO: Standing.READY}
    (hop,) = answers[0].finished.hops
    refused, served = hop.attempts
    assert (refused.error_class, served.error_class) == (ErrorClass.RATE_LIMITED, None)
    assert [call.attempt_id for target in router.endpoints.values() for call in target.calls][
        :2
    ] == ["walk-1/1/1", "walk-1/1/2"]


@virtual_time.test
async def test_each_endpoint_that_was_asked_has_a_span(stage: type[Stage]) -> None:
    router = local(stage, one=(FULL,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        await router.ask()

    first, second = router.spans.named("chat local-model")
    assert first.attributes[span_names.SERVER_ADDRESS] == "10.0.0.1"
    assert first.attributes[span_names.ERROR_CLASS] == "rate_limited"
    assert second.attributes[span_names.SERVER_ADDRESS] == "10.0.0.2"
    assert [link.attributes for link in second.links] == [{"failsoft.link": "retry_of"}]


@virtual_time.test
async def test_when_all_endpoints_are_full_the_quota_shuts_until_the_first_has_room(
    stage: type[Stage],
) -> None:
    router = local(stage, one=[(FULLER,), WELL], two=[(FULL,), WELL])
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answers = [await router.ask() for _ in range(3)]
        gates = router.board.place("local").gates
        assert gates.quota.due_in(router.clock.now()) == 2.0
        await asyncio.sleep(2.0)
        back = await router.ask()

    failed, *skipped = [answer.finished.hops[0] for answer in answers]
    assert (failed.error_class, len(failed.attempts)) == (ErrorClass.RATE_LIMITED, 2)
    assert [hop.skip_reason for hop in skipped] == [SkipReason.QUOTA] * 2
    assert [answer.finished.served_by for answer in answers] == ["next"] * 3
    assert back.finished.served_by == "local"
    assert called(router) == {ONE: 1, TWO: 2}


@virtual_time.test
async def test_any_number_of_full_endpoints_costs_the_walk_nothing_of_what_it_may_do(
    stage: type[Stage],
) -> None:
    many = [f"10.0.1.{number}:50051" for number in range(12)]
    scripts: dict[str, Script | list[Script]] = dict.fromkeys(many, (FULL,))
    router = stage(targets={"local": LOCAL}, endpoints=scripts, local=(), next=WELL)
    async with router.watching():
        await router.sees("llama", *many)
        answer = await router.ask()

    failed, served = answer.finished.hops
    assert len(failed.attempts) == len(many)
    assert set(called(router).values()) == {1}
    assert served.target == "next"


@virtual_time.test
async def test_an_endpoint_is_asked_once_a_hop_however_soon_it_wants_to_be_asked_again(
    stage: type[Stage],
) -> None:
    at_once = AttemptFailed(ErrorClass.RATE_LIMITED, "it is overloaded", retry_after=0.0)
    router = local(stage, one=(0.5, at_once), two=(0.5, at_once))
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answer = await router.ask()

    assert answer.finished.served_by == "next"
    assert called(router) == {ONE: 1, TWO: 1}
    assert router.board.place("local").gates.quota.due_in(router.clock.now()) == 0.0


@virtual_time.test
async def test_who_turns_away_is_no_less_well_for_it(stage: type[Stage]) -> None:
    router = local(stage, one=(FULL,), two=(FULL,))
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        for _ in range(8):
            await router.ask()
            await asyncio.sleep(2.0)
        assert set(standings(router).values()) == {Standing.READY}

    assert router.board.place("local").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_refusal_in_the_midst_of_an_answer_is_no_want_of_room(stage: type[Stage]) -> None:
    """What was said may not be said twice; the walk rescues it."""
    router = local(stage, one=("Hel", FULL), two=WELL, next_=("Hello", DONE))
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answer = await router.ask()

    assert answer.finished.hops[0].outcome is HopOutcome.FAILED
    assert standings(router) == {ONE: Standing.READY, TWO: Standing.READY}
    assert called(router) == {ONE: 1, TWO: 0}


@virtual_time.test
async def test_a_new_endpoint_is_called_at_once_although_all_others_are_full(
    stage: type[Stage],
) -> None:
    router = local(stage, one=(FULL,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE)
        await router.ask()
        assert router.board.place("local").gates.quota.due_in(router.clock.now()) == 2.0
        await router.sees("llama", ONE, TWO)
        answer = await router.ask()

    assert answer.finished.served_by == "local"
    assert router.after() == 0.0


@virtual_time.test
async def test_an_endpoint_whose_trial_went_well_is_called_although_the_others_are_full(
    stage: type[Stage],
) -> None:
    """While its call was out nobody had room, and nobody said when that would be over."""
    fullest = AttemptFailed(ErrorClass.RATE_LIMITED, "it is overloaded", retry_after=9.0)
    router = local(stage, one=[(NOBODY,), (1.0, "hi", DONE), WELL], two=[WELL, (0.75, fullest)])
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        await router.ask()
        await asyncio.sleep(10.0)
        async with asyncio.TaskGroup() as tasks:
            on_trial = tasks.create_task(router.ask())
            await asyncio.sleep(0.125)
            shut = tasks.create_task(router.ask())
        quota = router.board.place("local").gates.quota
        assert quota.last is not None
        assert quota.due_in(router.clock.now()) == 0.0
        answers = [await router.ask() for _ in range(4)]

    assert on_trial.result().finished.served_by == "local"
    failed = shut.result().finished.hops[0]
    assert failed.error_class is ErrorClass.RATE_LIMITED
    assert [answer.finished.served_by for answer in answers] == ["local"] * 4
    assert called(router) == {ONE: 6, TWO: 2}


@virtual_time.test
async def test_without_the_endpoint_that_had_room_the_others_are_not_asked_too_soon(
    stage: type[Stage],
) -> None:
    router = local(stage, one=(FULL,), two=WELL)
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        await router.ask()
        await router.sees("llama", ONE)
        answers = [await router.ask() for _ in range(2)]

    assert called(router)[ONE] == 1
    first, second = [answer.finished.hops[0] for answer in answers]
    assert (first.error_class, first.detail) == (
        ErrorClass.RATE_LIMITED,
        "none of its endpoints has room",
    )
    assert second.skip_reason is SkipReason.QUOTA


@virtual_time.test
async def test_who_had_no_room_is_asked_again_when_the_hop_is(stage: type[Stage]) -> None:
    """The hop was overtaken by a probe that died; who had room is gone, who had none has some."""
    touchy = BreakerPolicy(consecutive_failures=1, open_for=4.0)
    router = stage(
        targets={"far": {"breaker": touchy}, "local": LOCAL},
        endpoints={ONE: [WELL, (FULL,), WELL], TWO: (3.0, "no", DONE)},
        far=[(ILL,), (2.0, "ba", 3.0, ILL)],
        local=(),
    )
    async with router.watching():
        await router.sees("llama", ONE)
        await router.ask()
        await asyncio.sleep(15.0)
        await router.sees("llama", ONE, TWO)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(router.ask())
            await asyncio.sleep(3.0)
            await router.sees("llama", ONE)

    assert asked.result().finished.served_by == "local"
    assert called(router) == {ONE: 3, TWO: 1}


@virtual_time.test
async def test_who_is_ready_and_turned_the_request_away_is_not_called_absent(
    stage: type[Stage],
) -> None:
    """That none is ready counts against the target's health, and this is no illness."""
    router = local(stage, one=WELL)
    async with router.watching():
        await router.sees("llama", ONE)
        call = TargetCall(
            request=ChatRequest(model="m", messages=()),
            attempt_id="walk-1/1/1",
            tenant="acme",
            span=router.caller().span.context,
            connect=1.0,
            total=10.0,
            but=frozenset({ONE}),
        )
        with pytest.raises(AttemptFailed) as failed:
            await anext(router.board.place("local").target.stream(call))

    assert failed.value.error_class is ErrorClass.RATE_LIMITED
    assert failed.value.retry_after == 0.0


@virtual_time.test
async def test_a_full_target_is_waited_for_once_where_nobody_else_can_answer(
    stage: type[Stage],
) -> None:
    """Who had no room is asked again when it has some: that is another attempt."""
    remote = {**LOCAL, "attempts": 2}
    scripts: dict[str, Script | list[Script]] = {ONE: [(FULL,), WELL], TWO: [(FULLER,), WELL]}
    router = stage(hops=["local"], targets={"local": remote}, endpoints=scripts, local=())
    async with router.watching():
        await router.sees("llama", ONE, TWO)
        answer = await router.ask()

    (hop,) = answer.finished.hops
    assert (hop.outcome, len(hop.attempts)) == (HopOutcome.SERVED, 3)
    assert 2.0 <= router.after() < 3.0


@virtual_time.test
async def test_who_looks_at_a_full_target_sees_how_it_is(stage: type[Stage]) -> None:
    router = local(stage, one=(FULL,))
    async with router.watching():
        await router.sees("llama", ONE)
        await router.ask()
        target = router.board.place("local").target
        assert isinstance(target, Neighbour)
        assert (await target.look(within=1.0)).ready


@virtual_time.test
async def test_endpoints_that_are_known_by_name_are_called_and_the_state_says_so(
    stage: type[Stage],
) -> None:
    def detail() -> str:
        state = state_of(router.board.place("local"), router.clock.now())
        (gate,) = [gate for gate in state.gates if gate.skip_reason is SkipReason.NO_READY_ENDPOINT]
        assert not gate.shut
        return gate.detail

    router = local(stage, one=WELL)
    async with router.watching():
        await router.sees("llama", ONE, by_name=True)
        answer = await router.ask()
        before = detail()
        await router.sees("llama", ONE)
        after = detail()

    assert answer.finished.served_by == "local"
    assert "by the service's name" in before
    assert after == ""
