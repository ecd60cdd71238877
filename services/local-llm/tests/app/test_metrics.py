"""What requests and queues are measured as, by strict names and in virtual time."""

import asyncio

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter, NameRegistry, Tracer
from failsoft_kit.telemetry.readings import Distribution
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.metrics import distribution, number, said
from failsoft_local_llm import telemetry
from failsoft_local_llm.app.entrance import Entrance
from failsoft_local_llm.app.metrics import watch_load
from failsoft_local_llm.app.request_metrics import Measured, RequestMetrics
from failsoft_local_llm.core.admission.door import Limits
from failsoft_local_llm.core.admission.ticket import Claim, Work
from failsoft_local_llm.core.errors import (
    ContextLengthExceeded,
    EngineUnavailable,
    ModelNotFound,
    Unsupported,
)
from failsoft_local_llm.ports import Candidate, Chunk, Opened
from failsoft_model.chat import Criticality
from failsoft_model.errors import InvalidRequest, Overloaded
from failsoft_model.walk import Load

SERVED = ("chat", "vllm", "tiny")
WORK = Work(prompt=10, output=10)
IDLE = Load(capacity=1)


def strict() -> Meter:
    names = NameRegistry(strict=True)
    names.register(telemetry.NAMES)
    return Meter(clock=LoopClock(), names=names)


def requests_on(meter: Meter) -> RequestMetrics:
    async def opened() -> Opened:
        raise AssertionError("nobody opens it")

    tiny = Candidate(
        name="tiny", adapters=("tiny-legal",), profile="primary", engine="vllm", open=opened
    )
    return RequestMetrics(meter, clock=LoopClock(), candidates=[tiny])


def asked(measured: Measured, *, model: str = "tiny") -> None:
    measured.asked(engine="vllm", model=model, prompt_tokens=7)


def chunk(*, tokens: int, cached_tokens: int = 0) -> Chunk:
    return Chunk(data=b"x", tokens=tokens, finish=None, cached_tokens=cached_tokens)


def only(value: Distribution) -> float:
    """The one value that was observed."""
    assert sum(value.counts) == 1
    return value.sum


async def answer(requests: RequestMetrics) -> None:
    """Its first token comes after 2 seconds, 10 more in the 5 seconds behind."""
    with requests.request() as measured:
        await asyncio.sleep(1.0)
        asked(measured)
        measured.count(chunk(tokens=0, cached_tokens=4))
        await asyncio.sleep(1.0)
        measured.count(chunk(tokens=1))
        await asyncio.sleep(5.0)
        measured.count(chunk(tokens=10))
        measured.whole = True


@virtual_time.test
async def test_a_whole_answer_is_measured_from_its_arrival() -> None:
    meter = strict()
    await answer(requests_on(meter))
    assert only(distribution(meter, telemetry.REQUEST_DURATION, *SERVED, "")) == 7.0
    assert only(distribution(meter, telemetry.TIME_TO_FIRST_TOKEN, *SERVED)) == 2.0
    assert only(distribution(meter, telemetry.TIME_PER_OUTPUT_TOKEN, *SERVED)) == 0.5


@virtual_time.test
async def test_tokens_are_counted_as_they_come() -> None:
    meter = strict()
    requests = requests_on(meter)
    with requests.request() as measured:
        asked(measured, model="tiny-legal")
        measured.count(chunk(tokens=3, cached_tokens=4))
        assert number(meter, telemetry.TOKENS, "input", "tiny-legal") == 7
        assert number(meter, telemetry.TOKENS, "output", "tiny-legal") == 3
        assert number(meter, telemetry.TOKENS_CACHED, "tiny-legal") == 4


async def broken_off(requests: RequestMetrics, error: BaseException, *, whole: bool) -> None:
    """An answer that ends so."""
    with requests.request() as measured:
        asked(measured)
        measured.count(chunk(tokens=2))
        measured.whole = whole
        raise error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Overloaded("full"), "OVERLOADED"),
        (EngineUnavailable("it died"), "ENGINE_UNAVAILABLE"),
        (ModelNotFound("no"), "ROUTE_NOT_FOUND"),
        (ContextLengthExceeded("long"), "CONTEXT_LENGTH"),
        (Unsupported("no"), "UNSUPPORTED"),
        (InvalidRequest("no"), "INVALID_REQUEST"),
        (asyncio.CancelledError(), "cancelled"),
        (GeneratorExit(), "cancelled"),
        (RuntimeError("a bug"), "INTERNAL"),
    ],
)
@virtual_time.test
async def test_what_ends_a_request_is_said_in_its_duration(error: BaseException, word: str) -> None:
    meter = strict()
    with pytest.raises(type(error)):
        await broken_off(requests_on(meter), error, whole=False)
    assert list(said(meter, telemetry.REQUEST_DURATION)) == [(*SERVED, word)]
    assert said(meter, telemetry.TIME_TO_FIRST_TOKEN) == {}


@virtual_time.test
async def test_who_never_came_to_the_engine_is_nobodys() -> None:
    meter = strict()
    with pytest.raises(Overloaded), requests_on(meter).request():
        raise Overloaded("full")
    assert list(said(meter, telemetry.REQUEST_DURATION)) == [("chat", "", "", "OVERLOADED")]


@virtual_time.test
async def test_who_hangs_up_behind_the_last_token_has_got_an_answer() -> None:
    """The generator of a unary call is closed as soon as its last event is there."""
    meter = strict()
    with pytest.raises(GeneratorExit):
        await broken_off(requests_on(meter), GeneratorExit(), whole=True)
    assert list(said(meter, telemetry.REQUEST_DURATION)) == [(*SERVED, "")]


def claim(*, left: float = 1000.0) -> Claim:
    """Of somebody who has that many seconds."""
    deadline_at = LoopClock().now() + left
    return Claim(tenant="a", criticality=Criticality.CRITICAL, work=WORK, deadline_at=deadline_at)


async def served(entrance: Entrance, claim: Claim, *, seconds: float) -> None:
    with entrance.place(claim, engine=IDLE) as place:
        await entrance.turn(place, WORK)
        place.begin(compiles=False)
        await asyncio.sleep(seconds)


@virtual_time.test
async def test_waiting_and_being_sent_away_are_measured() -> None:
    meter = strict()
    limits = Limits(requests=1, tokens=None, waiting=1, waiting_tokens=1000)
    entrance = Entrance(limits, clock=LoopClock(), meter=meter, tracer=Tracer(clock=LoopClock()))
    watch_load(meter, lambda: entrance.load(Load(running=1, capacity=1)))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(served(entrance, claim(), seconds=3.0))
        tasks.create_task(served(entrance, claim(), seconds=3.0))
        await asyncio.sleep(1.0)
        with pytest.raises(Overloaded):
            await served(entrance, claim(), seconds=3.0)
        assert number(meter, telemetry.WAITING) == 1
        assert number(meter, telemetry.WAITING_TOKENS) == WORK.tokens
        assert number(meter, telemetry.RUNNING) == 1
        assert number(meter, telemetry.KV_RESERVED) == WORK.tokens
    assert said(meter, telemetry.KV_CAPACITY) == {}
    assert number(meter, telemetry.WAITING) == 0
    assert number(meter, telemetry.REFUSED, "full") == 1
    assert number(meter, telemetry.REFUSED, "late") == 0
    waited = distribution(meter, telemetry.WAITED)
    assert (sum(waited.counts), waited.sum) == (2, 3.0)


@virtual_time.test
async def test_who_waits_a_second_time_because_the_engine_has_changed_waits_once() -> None:
    meter = strict()
    limits = Limits(requests=1, tokens=None, waiting=1, waiting_tokens=1000)
    entrance = Entrance(limits, clock=LoopClock(), meter=meter, tracer=Tracer(clock=LoopClock()))
    with entrance.place(claim(), engine=IDLE) as place:
        await entrance.turn(place, WORK)
        await asyncio.sleep(2.0)
        await entrance.turn(place, WORK)
        place.begin(compiles=False)
    waited = distribution(meter, telemetry.WAITED)
    assert (sum(waited.counts), waited.sum) == (1, 2.0)
