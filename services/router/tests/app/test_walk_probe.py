"""A probe finds out about its target and makes nobody wait for it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.events import Finished, HopUpdate
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.app.hops.probe import AFTERLIFE
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import WalkDeadlinePassed, WalkError
from failsoft_router.core.patience import UNKNOWN
from failsoft_router.core.policy import BreakerPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
HANG: Script = (math.inf,)
SOON: Script = (0.01, "hi", DONE)
TOUCHY = {"a": {"breaker": BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)}}


async def shut_a(stage: type[Stage], probe: Script, *, b: Script | list[Script]) -> Stage:
    """Target a has failed once, its open time is over, and its next call is a probe."""
    router = stage(a=[(BUSY,), probe], b=b, targets=TOUCHY)
    await router.ask()
    await asyncio.sleep(15.0)
    return router


@pytest.mark.parametrize("behind", ["b", "mock"])
def test_nobody_queues_at_a_target_whose_probes_are_out(stage: type[Stage], behind: str) -> None:
    """Each caller waited for a place, two seconds, to be told that there was no probe left."""

    async def walk() -> None:
        one = {**TOUCHY["a"], "concurrency": 1}
        router = stage(hops=("a", behind), a=[(BUSY,), HANG], b=SOON, targets={"a": one})
        async with router.supervised():
            await router.ask()
            await asyncio.sleep(15.0)
            await router.ask()
            for _ in range(50):  # calls that pay for another probe
                router.board.place("a").probes.deposit(router.clock.now())
            before = router.after()

            answer = await router.ask()

            assert answer.finished.hops[0].skip_reason is SkipReason.CIRCUIT_OPEN
            assert router.after() - before < 0.1

    virtual_time.run(walk())


@virtual_time.test
async def test_a_probe_that_speaks_is_not_kept_waiting_by_somebody_elses_second_attempt(
    stage: type[Stage],
) -> None:
    """Content that was there waited for two seconds, because another target had asked for them."""
    busy = AttemptFailed(ErrorClass.RATE_LIMITED, "too many", retry_after=2.4)
    router = stage(
        a=[(BUSY,), (1.1, "back", DONE)],
        b=[("hi", DONE), (busy,)],
        targets={
            "a": {"breaker": BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)},
            "b": {"attempts": 2},
        },
    )
    await router.ask()
    await asyncio.sleep(15.0)
    before = router.after()

    answer = await router.ask()

    assert answer.finished.served_by == "a"
    assert router.after() - before == pytest.approx(1.1)


@virtual_time.test
async def test_a_probe_that_speaks_in_time_answers_itself(stage: type[Stage]) -> None:
    router = await shut_a(stage, (0.5, "back", DONE), b=("hi", DONE))

    answer = await router.ask()

    assert answer.choice.message.text == "back"
    assert answer.finished.degradation is Degradation.NONE
    assert router.board.place("a").gates.health.state is State.CLOSED
    assert router.board.place("a").bulkhead.in_flight == 0


@virtual_time.test
async def test_a_probe_that_says_nothing_makes_nobody_wait(stage: type[Stage]) -> None:
    router = await shut_a(stage, (math.inf,), b=(0.2, "hi", DONE))
    began = router.after()

    async with router.supervised():
        answer = await router.ask()

        assert router.after() - began == pytest.approx(UNKNOWN + 0.2)
        assert answer.finished.served_by == "b"
        assert [hop.outcome for hop in answer.finished.hops] == [
            HopOutcome.PROBING,
            HopOutcome.SERVED,
        ]


@virtual_time.test
async def test_a_probe_that_speaks_first_overtakes_the_next_hop(stage: type[Stage]) -> None:
    router = await shut_a(stage, (2.0, "back", DONE), b=(3.0, "hi", DONE))

    answer = await router.ask()

    assert answer.choice.message.text == "back"
    assert answer.finished.served_by == "a"
    assert answer.finished.hops[0].outcome is HopOutcome.SERVED
    assert router.board.place("b").gates.health.consecutive_failures == 0
    assert router.board.place("b").bulkhead.in_flight == 0


@virtual_time.test
async def test_a_hop_that_is_overtaken_before_its_call_keeps_no_permit(
    stage: type[Stage],
) -> None:
    """The probe spoke while the reader read that the hop is tried; b stayed half-open for ever."""
    touchy = {**TOUCHY, "b": TOUCHY["a"]}
    router = stage(a=[(BUSY,), (1.5, "back", DONE)], b=[(BUSY,)], targets=touchy)
    await router.refused()
    await asyncio.sleep(15.0)

    async def slow(event: Event) -> None:
        if isinstance(event, HopUpdate) and event.hop.target == "b":
            await asyncio.sleep(1.0)

    events = await router.stream(reader=slow)

    assert isinstance(events[-1], Finished)
    assert events[-1].served_by == "a"
    assert router.board.place("b").gates.health.ask(router.clock.now()) is not None


@virtual_time.test
async def test_an_overtaken_hop_is_asked_again_when_the_probe_dies(stage: type[Stage]) -> None:
    router = await shut_a(stage, (2.0, "ba", BUSY), b=(3.0, "hi", DONE))

    answer = await router.ask()

    assert answer.choice.message.text == "hi"
    assert [hop.outcome for hop in answer.finished.hops] == [HopOutcome.FAILED, HopOutcome.SERVED]


@virtual_time.test
async def test_when_nobody_else_answers_the_probe_is_waited_for(stage: type[Stage]) -> None:
    router = await shut_a(stage, (3.0, "back", DONE), b=[("hi", DONE), (BUSY,)])

    answer = await router.ask()

    assert answer.choice.message.text == "back"
    assert [hop.outcome for hop in answer.finished.hops] == [HopOutcome.SERVED, HopOutcome.FAILED]


@virtual_time.test
async def test_what_a_probe_finds_out_after_its_caller_has_gone_still_counts(
    stage: type[Stage],
) -> None:
    router = await shut_a(stage, (3.0, "back", DONE), b=("hi", DONE))

    async with router.supervised():
        await router.ask()
        await asyncio.sleep(3.0)

        assert router.board.place("a").gates.health.state is State.CLOSED
        assert router.supervisor.adopted == 0


@virtual_time.test
async def test_a_probe_without_a_caller_ends_and_is_no_evidence(stage: type[Stage]) -> None:
    limits = {"a": {**TOUCHY["a"], "limits": stage.patient()}}
    router = stage(a=[(BUSY,), (math.inf,)], b=("hi", DONE), targets=limits)
    await router.ask()
    await asyncio.sleep(15.0)

    async with router.supervised():
        await router.ask()
        await asyncio.sleep(AFTERLIFE + 1.0)

        assert router.supervisor.adopted == 0
        assert router.targets["a"].running == 0
        assert router.board.place("a").gates.health.state is State.HALF_OPEN
        assert router.board.place("a").bulkhead.in_flight == 0


@virtual_time.test
async def test_a_probes_span_ends_with_the_probe(stage: type[Stage]) -> None:
    router = await shut_a(stage, (2.0, BUSY), b=("hi", DONE))
    router.spans.clear()

    async with router.supervised():
        await router.ask()
        await asyncio.sleep(5.0)

    probing = next(
        span
        for span in router.spans.named("failsoft.hop")
        if span.attributes["failsoft.hop.outcome"] == "probing"
    )
    assert probing.error == "transient"
    assert probing.duration == pytest.approx(2.0)


@virtual_time.test
async def test_a_long_answer_of_a_probe_is_judged_by_its_beginning(stage: type[Stage]) -> None:
    """One long answer would otherwise keep the target out for as long as it takes."""
    router = await shut_a(stage, ("a", *(1.0, "b") * 20, DONE), b=("hi", DONE))

    async with router.supervised(), asyncio.TaskGroup() as tasks:
        tasks.create_task(router.ask())
        await asyncio.sleep(6.0)

        assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_probe_that_is_sent_again_gives_its_place_back_once(stage: type[Stage]) -> None:
    """Two probes of one hop gave one place back twice, and more calls than allowed went out."""
    busy = AttemptFailed(ErrorClass.RATE_LIMITED, "too many requests", retry_after=0.5)
    scripts: list[Script] = [(BUSY,), (busy,), ("back", DONE)]
    again = {"a": {**TOUCHY["a"], "attempts": 2}}
    router = stage(a=scripts, b=("hi", DONE), targets=again)
    await router.ask()
    await asyncio.sleep(15.0)

    answer = await router.ask()

    assert len(answer.finished.hops[0].attempts) == 2
    assert router.board.place("a").bulkhead.in_flight == 0


@virtual_time.test
async def test_a_probe_that_outlasts_its_caller_is_left_in_time(stage: type[Stage]) -> None:
    """A probe has its target's limits; its caller has a deadline all the same."""
    router = await shut_a(stage, ("a", *(1.0, "b") * 20, DONE), b=("hi", DONE))
    began = router.after()

    async with router.supervised():
        error = await router.refused(within=5.0)

        assert isinstance(error, WalkDeadlinePassed)
        assert error.cause is ErrorClass.TIMEOUT_TOTAL
        assert router.after() - began == pytest.approx(4.98)


@virtual_time.test
async def test_who_has_little_time_goes_on_beside_a_probe_the_sooner(stage: type[Stage]) -> None:
    router = await shut_a(stage, (math.inf,), b=(0.1, "hi", DONE))

    async with router.supervised():
        assert (await router.ask(within=0.5)).finished.served_by == "b"


@virtual_time.test
async def test_a_probe_that_died_unheard_is_told_before_the_next_one(stage: type[Stage]) -> None:
    """The next probe took its place, and its hop was told as running for ever."""
    touchy = {**TOUCHY, "b": TOUCHY["a"]}
    a: list[Script] = [(BUSY,), (1.2, BUSY)]
    b: list[Script] = [(BUSY,), (math.inf,)]
    router = stage(a=a, b=b, c=("hi", DONE), targets=touchy)
    await router.ask()
    await asyncio.sleep(15.0)

    async def slow(event: Event) -> None:
        if isinstance(event, HopUpdate) and event.hop.outcome is HopOutcome.PROBING:
            await asyncio.sleep(1.0)

    async with router.supervised():
        events = await router.stream(reader=slow)

    assert isinstance(events[-1], Finished)
    outcomes = [hop.outcome for hop in events[-1].hops]
    assert outcomes == [HopOutcome.FAILED, HopOutcome.PROBING, HopOutcome.SERVED]
    hops = router.spans.named("failsoft.hop")
    assert len(hops) == 6


@virtual_time.test
async def test_an_overtaken_hop_tells_its_attempt_when_it_is_not_tried_again(
    stage: type[Stage],
) -> None:
    router = await shut_a(stage, (2.0, "ba", 1.5, BUSY), b=[("hi", DONE), (3.0, "no", DONE)])

    error = await router.refused(within=3.56)

    assert [hop.outcome for hop in error.hops] == [HopOutcome.FAILED, HopOutcome.FAILED]
    assert error.hops[1].error_class is ErrorClass.CANCELLED
    assert [attempt.id for attempt in error.hops[1].attempts] == ["walk-2/2/1"]


@virtual_time.test
async def test_the_attempts_before_a_probe_are_told_with_it(stage: type[Stage]) -> None:
    quick = BreakerPolicy(consecutive_failures=1, open_for=0.01, open_cap=0.01)
    scripts: list[Script] = [(BUSY,), (2.0, "back", DONE)]
    router = stage(a=scripts, b=(3.0, "hi", DONE), targets={"a": {"breaker": quick, "attempts": 2}})

    answer = await router.ask()

    assert answer.finished.served_by == "a"
    ids = [attempt.id for attempt in answer.finished.hops[0].attempts]
    assert ids == ["walk-1/1/1", "walk-1/1/2"]


@virtual_time.test
async def test_a_probe_that_ends_with_the_process_while_its_walk_reads_it_ends_its_hops_span(
    stage: type[Stage],
) -> None:
    router = await shut_a(stage, (2.0, "ba", math.inf), b=[("hi", DONE), (math.inf,)])

    async def refused() -> None:
        with pytest.raises(WalkError):
            await router.ask()

    async with asyncio.TaskGroup() as tasks, router.supervised():
        tasks.create_task(refused())
        await asyncio.sleep(3.0)

    walks = router.spans.named("failsoft.walk")
    hops = [
        hop
        for hop in router.spans.named("failsoft.hop")
        if hop.context.trace_id == walks[-1].context.trace_id
    ]
    probing, _ = sorted(hops, key=lambda hop: str(hop.attributes["failsoft.hop.target"]))
    assert probing.attributes["failsoft.hop.outcome"] == "probing"
    assert probing.attributes["failsoft.error.class"] == "cancelled"
