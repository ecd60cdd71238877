"""The engine's port over outputs such as vLLM gives."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.testing import virtual_time
from failsoft_local_llm.adapters.vllm.engine import VllmEngine, Words
from failsoft_local_llm.app.watchdog import wait_until_stalled
from failsoft_local_llm.core.decoding import Decoding, Form
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.ports import Chunk, EngineRefused, FormRefused
from failsoft_model.walk import FinishReason, Load

FACTS = ModelFacts(
    architecture="llama",
    context_tokens=64,
    chat_template="",
    bos="",
    eos="",
    end_tokens=frozenset({9}),
    hidden_tokens=frozenset({8, 9}),
    control_texts=frozenset(),
)
WORDS = Words({1: b"a", 2: b"\xc3", 3: b"\xbc", 8: b"<call>", 9: b"<end>"}, FACTS)


@dataclass(frozen=True, slots=True)
class Told:
    """What vLLM says of one token at one place."""

    logprob: float
    rank: int


@dataclass(slots=True)
class Output:
    """One of vLLM's, as far as it is read."""

    token_ids: Sequence[int]
    finish_reason: str | None = None
    num_cached_tokens: int | None = None
    logprobs: Sequence[dict[int, Told]] | None = None

    @property
    def outputs(self) -> list["Output"]:
        return [self]


@dataclass(slots=True)
class FakeRuntime:
    """Says its outputs; an answer to a schema has a form."""

    said: list[Output]
    hangs: bool = False
    """Behind what it says, before it comes to an end."""
    closed: int = 0
    heard: int = 7
    cache_tokens: int = 100
    cached_tokens: int = 60
    processes: list[Any] = field(default_factory=list)

    def call_reader(self, order: Order) -> None:
        return None

    def form(self, decoding: Decoding) -> object | None:
        return decoding.form

    async def generate(self, order: Order, *, form: object) -> AsyncGenerator[Output, None]:
        try:
            for output in self.said:
                yield output
            if self.hangs:
                await asyncio.Event().wait()
        finally:
            self.closed += 1


def order(form: Form | None = None, *, alternatives: int | None = None) -> Order:
    decoding = Decoding(max_tokens=4, temperature=0.0, form=form, alternatives=alternatives)
    return Order(prompt=[1], decoding=decoding, caller=Caller(tenant="acme", id="r1"))


def engine_of(runtime: FakeRuntime) -> VllmEngine:
    return VllmEngine(runtime, WORDS, capacity=1)  # type: ignore[arg-type]


async def chunks_of(
    *said: Output, form: Form | None = None, alternatives: int | None = None
) -> list[Chunk]:
    engine = engine_of(FakeRuntime(list(said)))
    asked = order(form, alternatives=alternatives)
    return [chunk async for chunk in engine.generate(asked)]


async def test_tokens_are_told_as_bytes_and_the_hidden_ones_are_none() -> None:
    chunks = await chunks_of(
        Output([1, 2], num_cached_tokens=5), Output([3, 8, 9], finish_reason="stop")
    )

    assert chunks == [
        Chunk(data=b"a\xc3", tokens=2, finish=None, cached_tokens=5),
        Chunk(data=b"\xbc", tokens=3, finish=FinishReason.STOP),
    ]


async def test_tokens_are_told_with_the_likeliest_at_their_place() -> None:
    """vLLM tells the one that was taken as well, whatever its rank; what is hidden is no text."""
    unlikely = {3: Told(-5.0, 40), 9: Told(-0.25, 1), 1: Told(-2.0, 2)}
    (chunk,) = await chunks_of(
        Output(
            [1, 2, 3, 9],
            finish_reason="stop",
            logprobs=[
                {1: Told(-0.5, 1), 9: Told(-1.5, 2)},
                {2: Told(float("-inf"), 1), 7: Told(-3.0, 2)},
                unlikely,
                {9: Told(-0.1, 1)},
            ],
        ),
        alternatives=2,
    )

    assert [(told.token, told.data, told.logprob) for told in chunk.logprobs] == [
        ("a", b"a", -0.5),
        ("\ufffd", b"\xc3", -9999.0),
        ("\ufffd", b"\xbc", -5.0),
    ]
    assert [[(top.token, top.logprob) for top in told.top] for told in chunk.logprobs] == [
        [("a", -0.5), ("<end>", -1.5)],
        [("\ufffd", -9999.0), ("", -3.0)],
        [("<end>", -0.25), ("a", -2.0)],
    ]


async def test_nothing_is_told_that_nobody_asked_for() -> None:
    (chunk,) = await chunks_of(Output([1], finish_reason="stop"))

    assert chunk.logprobs == ()


async def test_a_request_that_vllm_ends_for_another_reason_was_not_taken() -> None:
    with pytest.raises(EngineRefused):
        await chunks_of(Output([], finish_reason="abort"))


async def test_a_form_that_turns_out_impossible_is_the_callers_to_change() -> None:
    with pytest.raises(FormRefused):
        await chunks_of(Output([1], finish_reason="error"), form=Form(schema_json='{"$ref": "#"}'))


async def test_requests_count_until_vllm_has_let_go_of_them() -> None:
    runtime = FakeRuntime([Output([1]), Output([1])])
    engine = engine_of(runtime)
    idle = Load(capacity=1, capacity_tokens=100)
    assert (engine.load(), engine.heartbeat()) == (idle, None)

    answers = [engine.generate(order()), engine.generate(order())]
    for answer in answers:
        await anext(answer)

    assert engine.load() == Load(
        running=1, waiting=1, capacity=1, running_tokens=60, capacity_tokens=100
    )
    for answer in answers:
        await answer.aclose()
    assert runtime.closed == 2
    assert engine.load() == idle


@virtual_time.test
async def test_a_reader_that_pauses_is_no_silence_of_the_engine() -> None:
    """Nobody wants anything of it meanwhile, and it has nothing more to do."""
    engine = engine_of(FakeRuntime([Output([1]), Output([1], finish_reason="stop")]))
    answer = engine.generate(order())
    await anext(answer)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(600.0):
            await wait_until_stalled(engine, clock=LoopClock(), after=60.0)
    assert [chunk.finish async for chunk in answer] == [FinishReason.STOP]


@virtual_time.test
async def test_an_engine_that_owes_somebody_more_and_says_nothing_is_silent() -> None:
    engine = engine_of(FakeRuntime([Output([1])], hangs=True))
    answers = [engine.generate(order()), engine.generate(order())]
    for answer in answers:
        await anext(answer)

    async with asyncio.TaskGroup() as tasks:
        wanting = tasks.create_task(anext(answers[0]))
        async with asyncio.timeout(67.0):
            why = await wait_until_stalled(engine, clock=LoopClock(), after=60.0)
        wanting.cancel()

    assert "has said nothing for 60 s" in why
    for answer in answers:
        await answer.aclose()
    assert engine.heartbeat() is None


def test_a_token_is_spelled_for_parsers_even_where_it_is_hidden() -> None:
    """The form of a call may begin with a token that no caller reads."""
    assert WORDS.spelled([8, 1, 9]) == [(8, b"<call>"), (1, b"a")]
