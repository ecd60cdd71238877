"""An engine's lives, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter
from failsoft_kit.testing import virtual_time
from failsoft_local_llm.app.host import EngineHost, OnChange
from failsoft_local_llm.app.life import Patience, Serving
from failsoft_local_llm.app.succession import Habits
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.errors import EngineUnavailable
from failsoft_local_llm.core.order import Order
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import Candidate, Chunk, Engine, EngineDied, Opened
from failsoft_model.chat import Message, Tool
from failsoft_model.walk import FinishReason, Load

START_SECONDS = 30.0
STALL_SECONDS = 60.0
A_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one engine will go through. Seconds; `fails`: why it cannot be loaded.

    `breaks`: loading it raises what nobody foresaw.

    `busy` and `hangs`: from when on there is work without end, and it says nothing any more.
    """

    loading: float = 5.0
    first_answer: float = 1.0
    serving: float = A_DAY
    tokens: int = 1
    fails: str = ""
    breaks: bool = False
    busy: float = A_DAY
    hangs: float = A_DAY


class Plain:
    """A template that says nothing."""

    def prompt(
        self, messages: Sequence[Message], *, continue_from: str, tools: Sequence[Tool] = ()
    ) -> Sequence[str]:
        return ["Hi"]


class MortalEngine:
    """Lives its life from its loading on."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._born = asyncio.get_running_loop().time()

    def load(self) -> Load:
        return Load(running=1, capacity=2)

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        return [1, 2]

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        await asyncio.sleep(self._life.first_answer)
        if self._life.serving == 0.0:
            raise EngineDied("mid-generation")
        yield Chunk(data=b"Hi", tokens=self._life.tokens, finish=FinishReason.STOP)

    def heartbeat(self) -> int | None:
        age = asyncio.get_running_loop().time() - self._born
        return int(min(age, self._life.hangs)) if age >= self._life.busy else None

    async def wait_until_dead(self) -> str:
        await asyncio.sleep(self._life.serving)
        return "killed by SIGKILL"


@dataclass(slots=True)
class Stage:
    """Plays lives one after the other, and writes down what happens when."""

    lives: list[Life]
    events: list[tuple[float, str]] = field(default_factory=list)

    def note(self, event: str) -> None:
        self.events.append((asyncio.get_running_loop().time() - virtual_time.START, event))

    def on_change(self, *, serving: bool, why: str) -> None:
        self.note("serving" if serving else why)

    @asynccontextmanager
    async def start(self) -> AsyncIterator[Engine]:
        life = self.lives.pop(0)
        self.note("start")
        await asyncio.sleep(life.loading)
        if life.fails:
            raise EngineDied(life.fails)
        if life.breaks:
            raise LookupError
        try:
            yield MortalEngine(life)
        finally:
            self.note("ended")

    def host(self, **habits: float) -> EngineHost:
        return host_of([candidate("primary", self)], self.on_change, **habits)


def candidate(profile: str, stage: Stage) -> Candidate:
    """A model whose engines live what that stage plays."""

    async def read() -> Opened:
        return Opened(
            model=ServedModel(
                name=f"{profile}-model",
                context_tokens=2048,
                capabilities=frozenset(),
                defaults=Defaults(temperature=0.0, top_p=1.0, max_tokens=8, frequency_penalty=0.0),
            ),
            template=Plain(),
            start=stage.start,
            max_sequences=2,
        )

    return Candidate(name=f"{profile}-model", profile=profile, engine="fake", open=read)


def host_of(candidates: Sequence[Candidate], on_change: OnChange, **habits: float) -> EngineHost:
    def on_serving(serving: Serving) -> None:
        pass

    return EngineHost(
        candidates,
        clock=LoopClock(),
        patience=Patience(start=START_SECONDS, stall=STALL_SECONDS),
        habits=Habits(**{"retry": 600.0, **habits}),
        on_change=on_change,
        on_serving=on_serving,
        meter=Meter(clock=LoopClock()),
    )


async def played(stage: Stage, host: EngineHost, *, seconds: float) -> list[tuple[float, str]]:
    """What happens in that many seconds."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await host.run()
    return stage.events


@virtual_time.test
async def test_callers_are_let_in_after_a_real_generation() -> None:
    """Loaded weights alone are no proof that the engine can answer."""
    stage = Stage([Life(loading=5.0, first_answer=1.0)])

    events = await played(stage, stage.host(), seconds=10.0)

    assert events == [(0.0, "start"), (6.0, "serving"), (10.0, "ended")]


@virtual_time.test
async def test_a_dead_engine_is_told_at_once_and_started_again() -> None:
    stage = Stage([Life(serving=100.0), Life()])

    events = await played(stage, stage.host(), seconds=115.0)

    assert events == [
        (0.0, "start"),
        (6.0, "serving"),
        (106.0, "killed by SIGKILL"),
        (106.0, "ended"),
        (106.25, "start"),
        (112.25, "serving"),
        (115.0, "ended"),
    ]


@virtual_time.test
async def test_an_engine_that_cannot_load_is_tried_again_ever_more_slowly() -> None:
    stage = Stage([Life(loading=0.0, fails="the file is gone")] * 5)

    events = await played(stage, stage.host(), seconds=5.0)

    assert [at for at, event in events if event == "start"] == [0.0, 0.25, 0.75, 1.75, 3.75]
    assert (0.0, "the file is gone") in events


@virtual_time.test
async def test_an_engine_whose_start_breaks_is_one_that_cannot_load() -> None:
    """What a library raised for a file ended the service, and the smaller model with it."""
    stage = Stage([Life(breaks=True), Life()])

    events = await played(stage, stage.host(), seconds=20.0)

    assert (5.0, "the engine broke: LookupError") in events
    assert (11.25, "serving") in events


@virtual_time.test
async def test_an_engine_that_dies_in_its_first_generation_says_how() -> None:
    stage = Stage([Life(serving=0.0), Life()])

    events = await played(stage, stage.host(), seconds=20.0)

    assert (6.0, "killed by SIGKILL") in events
    assert (12.25, "serving") in events


@virtual_time.test
async def test_an_engine_that_generates_nothing_is_not_served() -> None:
    stage = Stage([Life(tokens=0), Life()])

    events = await played(stage, stage.host(), seconds=20.0)

    assert [event for _, event in events].count("serving") == 1
    assert (6.0, "the engine's first generation was empty") in events


@virtual_time.test
async def test_a_start_that_takes_too_long_is_given_up() -> None:
    stage = Stage([Life(loading=A_DAY), Life()])

    events = await played(stage, stage.host(), seconds=40.0)

    assert (30.0, "the engine was not ready within 30 s") in events
    assert (36.25, "serving") in events


@virtual_time.test
async def test_an_engine_that_hangs_over_its_work_is_started_again() -> None:
    """It is alive, so nothing else would ever end the wait of its callers."""
    stage = Stage([Life(busy=0.0, hangs=30.0), Life()])

    events = await played(stage, stage.host(), seconds=150.0)

    names = [event for _, event in events]
    [stalled] = [event for event in names if "has said nothing for 60 s" in event]
    assert names == ["start", "serving", stalled, "ended", "start", "serving", "ended"]
    assert 5.0 + 30.0 + STALL_SECONDS <= events[2][0] <= 5.0 + 30.0 + STALL_SECONDS * 1.2


@virtual_time.test
async def test_an_engine_may_be_silent_as_long_as_it_has_no_work() -> None:
    stage = Stage([Life(hangs=0.0)])

    events = await played(stage, stage.host(), seconds=3600.0)

    assert [event for _, event in events] == ["start", "serving", "ended"]


@virtual_time.test
async def test_a_pause_between_two_jobs_is_no_silence() -> None:
    """Its last word before the pause is old when new work comes, and the engine is well."""
    stage = Stage([Life(busy=1000.0, hangs=1030.0), Life()])

    events = await played(stage, stage.host(), seconds=1080.0)

    assert [event for _, event in events] == ["start", "serving", "ended"]


@virtual_time.test
async def test_callers_learn_why_there_is_no_engine_and_when_there_will_be_one() -> None:
    stage = Stage([Life(serving=100.0), Life()])
    host = stage.host()
    told: list[tuple[str, float | None]] = []

    async def ask(*, at: float) -> None:
        await asyncio.sleep(at)
        try:
            host.serving()
        except EngineUnavailable as unavailable:
            told.append((str(unavailable), unavailable.retry_after))
        else:
            told.append(("served", None))

    async with asyncio.TaskGroup() as tasks:
        for at in (1.0, 50.0, 106.125, 113.0):
            tasks.create_task(ask(at=at))
        await played(stage, host, seconds=115.0)

    assert told == [
        ("the model is loading", 9.0),
        ("served", None),
        ("killed by SIGKILL", 6.125),
        ("served", None),
    ]


@virtual_time.test
async def test_the_load_is_the_engines_own_and_nothing_without_one() -> None:
    stage = Stage([Life()])
    host = stage.host()
    before = host.load()
    seen: list[Load] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(played(stage, host, seconds=10.0))
        await asyncio.sleep(8.0)
        seen.append(host.load())

    assert before == Load()
    assert seen == [Load(running=1, capacity=2)]
