"""A big model and a small one, of which the best is served that can be had, in virtual time."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter, NameRegistry, Tracer, current_context
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.metrics import distribution, number, said
from failsoft_local_llm import telemetry
from failsoft_local_llm.app.answers import Answers
from failsoft_local_llm.app.entrance import Entrance
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.app.life import Patience, Serving
from failsoft_local_llm.app.succession import Habits
from failsoft_local_llm.core.admission.door import Limits
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.errors import EngineUnavailable
from failsoft_local_llm.core.lives import EngineEvent
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.core.standing import State
from failsoft_local_llm.ports import Candidate, Chunk, Engine, EngineDied, Opened
from failsoft_model.chat import ChatRequest, Degradation, Message, Role, Text, Tool
from failsoft_model.walk import FinishReason, Load

RETRY_SECONDS = 600.0
LOADING_SECONDS = 5.0
OUT_OF_MEMORY = "CUDA out of memory"
DEFAULTS = Defaults(temperature=0.0, top_p=1.0, max_tokens=8, frequency_penalty=0.0)
ASKED = ChatRequest(model="", messages=(Message(role=Role.USER, parts=(Text(text="Hi"),)),))
CALLER = Caller(tenant="acme", id="r1")


class Plain:
    """A template that says nothing."""

    def prompt(
        self, messages: Sequence[Message], *, continue_from: str, tools: Sequence[Tool] = ()
    ) -> Sequence[str]:
        return ["Hi"]


@dataclass(slots=True)
class FakeEngine:
    """Answers at once or when it may, until it is killed; is as busy as it is told."""

    busy: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Order] = field(default_factory=list)
    dead: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self) -> Load:
        return Load(running=self.busy, capacity=4)

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        return [1, 2]

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        self.asked.append(order)
        if order.caller.tenant:
            await self.may_answer.wait()
        yield Chunk(data=b"Hi", tokens=1, finish=FinishReason.STOP)

    def heartbeat(self) -> int | None:
        return None

    async def wait_until_dead(self) -> str:
        await self.dead.wait()
        return "killed by SIGKILL"


@dataclass(slots=True)
class Model:
    """One that can be loaded, or not for now."""

    profile: str
    fails: str = ""
    loading: float = LOADING_SECONDS
    starts: list[float] = field(default_factory=list)
    engines: list[FakeEngine] = field(default_factory=list)
    loaded: int = 0
    """Engines that are there now."""

    @asynccontextmanager
    async def start(self) -> AsyncIterator[Engine]:
        self.starts.append(now())
        await asyncio.sleep(self.loading)
        if self.fails:
            raise EngineDied(self.fails)
        self.engines.append(FakeEngine())
        self.loaded += 1
        try:
            yield self.engines[-1]
        finally:
            self.loaded -= 1

    async def read(self) -> Opened:
        served = ServedModel(
            name=f"{self.profile}-model",
            context_tokens=2048,
            capabilities=frozenset(),
            defaults=DEFAULTS,
        )
        return Opened(model=served, template=Plain(), start=self.start, max_sequences=4)

    @property
    def candidate(self) -> Candidate:
        return Candidate(
            name=f"{self.profile}-model",
            adapters=(f"{self.profile}-adapter",),
            profile=self.profile,
            engine="fake",
            open=self.read,
        )


def now() -> float:
    return asyncio.get_running_loop().time() - virtual_time.START


def strict_meter() -> Meter:
    names = NameRegistry(strict=True)
    names.register(telemetry.NAMES)
    return Meter(clock=LoopClock(), names=names)


@dataclass(slots=True)
class Stage:
    """The host with both models, and what it has said."""

    primary: Model = field(default_factory=lambda: Model("primary"))
    minimal: Model = field(default_factory=lambda: Model("minimal"))
    unload: float | None = None
    meter: Meter = field(default_factory=strict_meter)
    said: list[tuple[float, bool, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    served: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EngineHost]:
        host = EngineHost(
            [self.primary.candidate, self.minimal.candidate],
            clock=LoopClock(),
            patience=Patience(start=30.0, stall=60.0),
            habits=Habits(retry=RETRY_SECONDS, unload=self.unload),
            on_change=self.on_change,
            on_serving=self.on_serving,
            meter=self.meter,
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(host.run())
            yield host
            running.cancel()

    def on_change(self, *, serving: bool, why: str) -> None:
        self.said.append((now(), serving, why))
        self.changed.set()

    def on_serving(self, serving: Serving) -> None:
        self.served.append(serving.candidate.profile)


@virtual_time.test
async def test_where_the_best_cannot_be_loaded_the_next_is_served_and_says_so() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await asyncio.sleep(2 * LOADING_SECONDS + 1.0)
        status, serving = host.status(), host.serving()

    assert stage.said == [
        (5.0, False, OUT_OF_MEMORY),
        (10.0, True, f"profile minimal is served instead of primary: {OUT_OF_MEMORY}"),
    ]
    assert (status.serving, status.degraded, status.profile) == (True, True, "minimal")
    assert status.answered_by == "minimal-model"
    assert OUT_OF_MEMORY in status.why
    assert serving.degradation is Degradation.FALLBACK_TARGET


@virtual_time.test
async def test_the_best_is_tried_again_beside_the_other_and_takes_over() -> None:
    """Nobody waits for a model that perhaps cannot be loaded."""
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await asyncio.sleep(10.0 + RETRY_SECONDS + LOADING_SECONDS + 1.0)
        assert host.serving().candidate.profile == "minimal"
        stage.primary.fails = ""
        await asyncio.sleep(RETRY_SECONDS + 2 * LOADING_SECONDS)
        assert stage.primary.starts == [0.0, 610.0, 1215.0]
        assert host.status().degraded is False
        assert (stage.primary.loaded, stage.minimal.loaded) == (1, 0)

    assert stage.served == ["minimal", "primary"]
    assert [serving for _, serving, _ in stage.said] == [False, True, True]


@virtual_time.test
async def test_the_best_is_not_tried_while_the_other_has_work() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running():
        await asyncio.sleep(11.0)
        stage.minimal.engines[0].busy = 1
        await asyncio.sleep(3 * RETRY_SECONDS)
        assert len(stage.primary.starts) == 1
        stage.minimal.engines[0].busy = 0
        await asyncio.sleep(2.0)
        assert len(stage.primary.starts) == 2


@virtual_time.test
async def test_the_operator_may_have_the_best_tried_at_once() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await asyncio.sleep(11.0)
        stage.minimal.engines[0].busy = 1
        stage.primary.fails = ""
        host.try_better()
        await asyncio.sleep(LOADING_SECONDS + 1.0)
        assert host.serving().candidate.profile == "primary"
        assert stage.minimal.loaded == 1, "it has somebody to answer yet"
        stage.minimal.engines[0].busy = 0
        await asyncio.sleep(1.0)
        assert stage.minimal.loaded == 0


@virtual_time.test
async def test_asking_for_better_than_the_best_changes_nothing() -> None:
    stage = Stage()

    async with stage.running() as host:
        await asyncio.sleep(6.0)
        host.try_better()
        await asyncio.sleep(100.0)

    assert stage.served == ["primary"]
    assert stage.minimal.starts == []


@virtual_time.test
async def test_the_death_of_the_small_one_while_the_big_one_loads_is_survived() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await asyncio.sleep(11.0)
        stage.primary.fails = ""
        host.try_better()
        await asyncio.sleep(1.0)
        stage.minimal.engines[0].dead.set()
        await asyncio.sleep(1.0)
        with pytest.raises(EngineUnavailable):
            host.serving()
        await asyncio.sleep(LOADING_SECONDS)
        assert host.serving().candidate.profile == "primary"


async def climbing(stage: Stage, host: EngineHost, *, seconds: float) -> None:
    """The small one serves, and the big one has begun to be loaded again, which takes so long."""
    await asyncio.sleep(2 * LOADING_SECONDS + 1.0)
    stage.primary.loading = seconds
    host.try_better()
    await asyncio.sleep(1.0)
    assert (len(stage.primary.starts), stage.minimal.loaded) == (2, 1)


@virtual_time.test
async def test_the_small_one_is_loaded_again_while_the_big_one_is_being_tried() -> None:
    """Otherwise nobody would be served until that has come to an end."""
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await climbing(stage, host, seconds=25.0)
        stage.minimal.engines[0].dead.set()
        await asyncio.sleep(LOADING_SECONDS + 1.0)
        assert host.serving().engine is stage.minimal.engines[1]
        stage.primary.fails = ""
        await asyncio.sleep(25.0)
        assert host.serving().candidate.profile == "primary"
        assert stage.minimal.loaded == 0

    assert stage.served == ["minimal", "minimal", "primary"]


@virtual_time.test
async def test_a_small_one_that_is_still_loading_does_not_take_over_from_the_big_one() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await climbing(stage, host, seconds=10.0)
        stage.primary.fails, stage.minimal.loading = "", 20.0
        stage.minimal.engines[0].dead.set()
        await asyncio.sleep(60.0)
        assert host.serving().candidate.profile == "primary"
        assert (len(stage.minimal.starts), stage.minimal.loaded) == (2, 0)

    assert stage.served == ["minimal", "primary"]
    assert happened(stage, "minimal") == {"started": 1, "died": 1}


@virtual_time.test
async def test_where_the_small_one_cannot_be_loaded_any_more_the_trial_goes_on_alone() -> None:
    """Twice the big one's memory is what no machine has."""
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await climbing(stage, host, seconds=25.0)
        stage.primary.fails, stage.minimal.fails = "", "the file is gone"
        stage.minimal.engines[0].dead.set()
        await asyncio.sleep(30.0)
        assert host.serving().candidate.profile == "primary"
        await asyncio.sleep(100.0)
        assert (len(stage.primary.starts), len(stage.minimal.starts)) == (2, 2)


@virtual_time.test
async def test_a_model_that_nobody_asks_for_is_unloaded_and_the_next_request_wakes_it() -> None:
    stage = Stage(unload=60.0)

    async with stage.running() as host:
        await asyncio.sleep(LOADING_SECONDS + 61.0)
        assert stage.primary.loaded == 0
        assert host.status().serving, "a router that were told otherwise would ask nobody here"
        began = now()
        serving = await host.awake(until=math.inf)
        assert serving.engine is stage.primary.engines[1]
        assert now() - began == LOADING_SECONDS

    assert [said for _, said, _ in stage.said] == [True, True, True, True]


@pytest.mark.parametrize("turns", range(8))
def test_who_asks_in_the_moment_of_falling_asleep_is_answered(turns: int) -> None:
    """So many turns of the event loop after it, for its engine takes some to begin to end."""

    async def story() -> None:
        stage = Stage(unload=60.0)
        async with stage.running() as host:
            await asyncio.sleep(LOADING_SECONDS + 1.0)
            while host.status().state is not State.ASLEEP:
                await stage.changed.wait()
                stage.changed.clear()
            for _ in range(turns):
                await asyncio.sleep(0.0)
            async with asyncio.timeout(2 * LOADING_SECONDS):
                serving = await host.awake(until=math.inf)
            await asyncio.sleep(1.0)
            assert host.serving() is serving

    virtual_time.run(story())


@virtual_time.test
async def test_nothing_is_loaded_beside_a_model_that_falls_asleep() -> None:
    """It may be time for both."""
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY), unload=RETRY_SECONDS)

    async with stage.running() as host:
        await asyncio.sleep(2 * LOADING_SECONDS + RETRY_SECONDS + 1.0)
        assert host.status().state is State.ASLEEP
        await asyncio.sleep(RETRY_SECONDS)
        assert (len(stage.primary.starts), stage.minimal.loaded) == (1, 0)


@virtual_time.test
async def test_who_cannot_wait_for_a_sleeping_model_is_told_at_once_and_wakes_it() -> None:
    stage = Stage(unload=60.0)

    async with stage.running() as host:
        await asyncio.sleep(LOADING_SECONDS + 61.0)
        with pytest.raises(EngineUnavailable) as told:
            await host.awake(until=asyncio.get_running_loop().time() + 1.0)
        assert told.value.retry_after == LOADING_SECONDS
        await asyncio.sleep(LOADING_SECONDS + 1.0)
        assert host.serving().engine is stage.primary.engines[1]


@virtual_time.test
async def test_a_model_that_works_is_not_unloaded() -> None:
    stage = Stage(unload=60.0)

    async with stage.running() as host:
        await asyncio.sleep(6.0)
        stage.primary.engines[0].busy = 1
        await asyncio.sleep(200.0)
        stage.primary.engines[0].busy = 0
        await asyncio.sleep(30.0)
        host.serving()
        await asyncio.sleep(59.0)
        assert stage.primary.loaded == 1
        await asyncio.sleep(62.0)
        assert stage.primary.loaded == 0


@virtual_time.test
async def test_a_model_that_cannot_be_woken_is_no_service_any_more() -> None:
    stage = Stage(unload=60.0)

    async with stage.running() as host:
        await asyncio.sleep(LOADING_SECONDS + 61.0)
        stage.primary.fails = OUT_OF_MEMORY
        with pytest.raises(EngineUnavailable, match=OUT_OF_MEMORY):
            await host.awake(until=math.inf)
        assert stage.said[-1][1:] == (False, OUT_OF_MEMORY)
        await asyncio.sleep(LOADING_SECONDS + 1.0)
        assert host.serving().candidate.profile == "minimal"


def happened(stage: Stage, profile: str) -> dict[str, float]:
    """What happened to engines of that profile, and how often."""
    return {
        event.value: count
        for event in EngineEvent
        if (count := number(stage.meter, telemetry.EVENTS, event.value, profile))
    }


@virtual_time.test
async def test_what_happens_to_engines_is_counted_and_who_answers_is_told() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        assert number(stage.meter, telemetry.UP) == 0
        assert said(stage.meter, telemetry.INFO) == {}
        await asyncio.sleep(11.0)
        assert said(stage.meter, telemetry.INFO) == {("minimal-model", "fake", "minimal"): 1}
        assert number(stage.meter, telemetry.UP) == 1
        assert number(stage.meter, telemetry.DEGRADED) == 1
        stage.primary.fails = ""
        host.try_better()
        await asyncio.sleep(LOADING_SECONDS + 1.0)
        assert said(stage.meter, telemetry.INFO) == {("primary-model", "fake", "primary"): 1}
        assert number(stage.meter, telemetry.DEGRADED) == 0
        stage.primary.engines[0].dead.set()
        await asyncio.sleep(LOADING_SECONDS + 2.0)

    assert happened(stage, "primary") == {"failed": 1, "started": 2, "died": 1}
    assert happened(stage, "minimal") == {"started": 1, "replaced": 1}
    starts = distribution(stage.meter, telemetry.START_DURATION, "primary")
    assert (sum(starts.counts), starts.sum) == (2, 2 * LOADING_SECONDS)


@virtual_time.test
async def test_sleeping_and_waking_are_counted_and_are_no_deaths() -> None:
    stage = Stage(unload=60.0)

    async with stage.running() as host:
        await asyncio.sleep(LOADING_SECONDS + 61.0)
        assert number(stage.meter, telemetry.UP) == 0
        await host.awake(until=math.inf)

    assert happened(stage, "primary") == {"started": 2, "unloaded": 1, "woken": 1}


@virtual_time.test
async def test_each_change_of_an_engine_is_one_line_that_names_its_model() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    with capture_logs() as lines:
        async with stage.running() as host:
            await asyncio.sleep(11.0)
            stage.primary.fails = ""
            host.try_better()
            await asyncio.sleep(LOADING_SECONDS + 1.0)
            stage.primary.engines[0].dead.set()
            await asyncio.sleep(LOADING_SECONDS + 2.0)

    changes = [line for line in lines if "model" in line]
    assert [(line["event"], line["model"], line["log_level"]) for line in changes] == [
        ("engine.failed", "primary-model", "warning"),
        ("engine.serving", "minimal-model", "info"),
        ("engine.serving", "primary-model", "info"),
        ("engine.replaced", "minimal-model", "info"),
        ("engine.died", "primary-model", "warning"),
        ("engine.serving", "primary-model", "info"),
    ]
    assert (changes[0]["why"], changes[4]["why"]) == (OUT_OF_MEMORY, "killed by SIGKILL")
    assert [line["degraded"] for line in changes if "degraded" in line] == [True, False, False]


@virtual_time.test
async def test_who_wakes_a_model_is_found_by_the_trace_in_the_log() -> None:
    stage = Stage(unload=60.0)
    call = Tracer(clock=LoopClock()).start("call")

    def traced(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {**event, "span": current_context()}

    with capture_logs(processors=[traced]) as lines:
        async with stage.running() as host:
            await asyncio.sleep(LOADING_SECONDS + 61.0)
            with call.active():
                await host.awake(until=math.inf)

    assert [(line["event"], line["span"]) for line in lines] == [
        ("engine.serving", None),
        ("engine.unloaded", None),
        ("engine.ended", None),
        ("engine.woken", call.context),
        ("engine.serving", None),
    ]


def answers_of(host: EngineHost, *, places: int = 4) -> Answers:
    limits = Limits(requests=places, tokens=None, waiting=4, waiting_tokens=1000)
    clock = LoopClock()
    meter, tracer = Meter(clock=clock), Tracer(clock=clock)
    entrance = Entrance(limits, clock=clock, meter=meter, tracer=tracer)
    return Answers(
        host=host, entrance=entrance, defaults=DEFAULTS, clock=clock, meter=meter, tracer=tracer
    )


@virtual_time.test
async def test_a_reply_names_the_model_that_answered_and_not_the_one_that_was_asked_for() -> None:
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await asyncio.sleep(11.0)
        stage.minimal.engines[0].may_answer.set()
        answers = answers_of(host)
        finished = (await answers.whole(replace(ASKED, model="primary-model"), CALLER)).finished

    assert (finished.route, finished.model, finished.served_by) == (
        "primary-model",
        "minimal-model",
        "minimal-model",
    )
    assert finished.degradation is Degradation.FALLBACK_TARGET


@pytest.mark.parametrize(
    "request_",
    [
        replace(ASKED, refused_degradations=frozenset({Degradation.FALLBACK_TARGET})),
        replace(ASKED, model="primary-adapter"),
    ],
    ids=["who refuses another model", "who needs the big one's adapter"],
)
def test_some_are_better_told_than_answered_by_the_small_one(request_: ChatRequest) -> None:
    """And told that it is for now: a router would take NOT_FOUND for a model that is gone."""

    async def story() -> None:
        stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))
        async with stage.running() as host:
            await asyncio.sleep(11.0)
            with pytest.raises(EngineUnavailable):
                await answers_of(host).whole(request_, CALLER)

    virtual_time.run(story())


@virtual_time.test
async def test_who_waited_for_the_small_one_is_answered_by_the_big_one_that_took_over() -> None:
    """Its tokens are others, and the engine that it was made ready for will end."""
    stage = Stage(primary=Model("primary", fails=OUT_OF_MEMORY))

    async with stage.running() as host:
        await asyncio.sleep(11.0)
        answers, small = answers_of(host, places=1), stage.minimal.engines[0]
        small.busy = 1
        async with asyncio.TaskGroup() as callers:
            first, second = (callers.create_task(answers.whole(ASKED, CALLER)) for _ in range(2))
            await asyncio.sleep(1.0)
            stage.primary.fails = ""
            host.try_better()
            await asyncio.sleep(LOADING_SECONDS + 1.0)
            stage.primary.engines[0].may_answer.set()
            small.may_answer.set()
        small.busy = 0

    assert first.result().finished.model == "minimal-model"
    assert second.result().finished.model == "primary-model"
