"""Answers out of what an engine says, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.testing import virtual_time
from failsoft_local_llm.app.answers import Answers
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.core.admission import Admission
from failsoft_local_llm.core.decoding import Decoding, Defaults
from failsoft_local_llm.core.errors import (
    ContextLengthExceeded,
    EngineUnavailable,
    ModelNotFound,
    Unsupported,
)
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import Chunk, Engine, EngineDied, EngineRefused
from failsoft_model.chat import ChatRequest, Message, Role, Sampling, Text, Tool
from failsoft_model.errors import Overloaded
from failsoft_model.events import Delta, Finished, Started
from failsoft_model.walk import Capability, FinishReason, Load, Usage

MODEL = ServedModel(
    name="tiny",
    context_tokens=16,
    capabilities=frozenset({Capability.CONTINUE}),
    defaults=Defaults(temperature=0.2, top_p=0.9, max_tokens=8, frequency_penalty=0.0),
)
ASKED = ChatRequest(
    model="tiny",
    messages=(Message(role=Role.USER, parts=(Text(text="one two three"),)),),
    request_id="r1",
)
DIES = Chunk(data=b"", tokens=0, finish=None)
GIVES_UP = Chunk(data=b"", tokens=0, finish=None)
REFUSES = Chunk(data=b"", tokens=0, finish=None)
PLACES = 2


class LastWords:
    """A template that is the last message alone."""

    def prompt(self, messages: Sequence[Message], *, continue_from: str) -> Sequence[str]:
        return [messages[-1].text + continue_from]


@dataclass(slots=True)
class ScriptedEngine:
    """Counts words as tokens, says its chunks, and waits for ever after them."""

    chunks: list[Chunk]
    asked: list[Decoding] = field(default_factory=list)
    cancelled: int = 0

    def load(self) -> Load:
        return Load(capacity=4)

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        return list(range(len(" ".join(texts).split())))

    async def generate(
        self, prompt: Sequence[int], decoding: Decoding
    ) -> AsyncGenerator[Chunk, None]:
        self.asked.append(decoding)
        try:
            for chunk in self.chunks:
                if chunk is DIES:
                    raise EngineDied("killed by SIGKILL")
                if chunk is REFUSES:
                    raise EngineRefused("no memory")
                if chunk is GIVES_UP:
                    return
                yield chunk
                if chunk.finish is not None:
                    return
            await asyncio.Event().wait()
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    def heartbeat(self) -> int | None:
        return None

    async def wait_until_dead(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError("it lives for ever")


def said(data: str, *, finish: FinishReason | None = None, tokens: int = 1) -> Chunk:
    return Chunk(data=data.encode(), tokens=tokens, finish=finish)


HELLO = said("hello", finish=FinishReason.STOP)


async def asking(engine: ScriptedEngine, ask: Callable[[Answers], Awaitable[None]]) -> None:
    """Asks a service whose engine is ready, and forgets what getting ready took."""

    @asynccontextmanager
    async def start() -> AsyncIterator[Engine]:
        yield engine

    ready = asyncio.Event()

    def on_change(*, serving: bool, why: str) -> None:
        assert serving, why
        ready.set()

    host = EngineHost(
        start,
        template=LastWords(),
        clock=LoopClock(),
        start_seconds=1.0,
        stall_seconds=60.0,
        on_change=on_change,
    )
    script, engine.chunks = engine.chunks, [HELLO]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(host.run())
        await ready.wait()
        engine.chunks, engine.asked, engine.cancelled = script, [], 0
        admission = Admission(places=PLACES)
        await ask(Answers(model=MODEL, template=LastWords(), host=host, admission=admission))
        running.cancel()


async def events_of(
    engine: ScriptedEngine, request: ChatRequest
) -> list[Started | Delta | Finished]:
    events: list[Started | Delta | Finished] = []

    async def ask(answers: Answers) -> None:
        events.extend([event async for event in answers.stream(request, trace_id="t1")])

    await asking(engine, ask)
    return events


@virtual_time.test
async def test_a_stream_says_who_answers_then_the_pieces_then_the_facts() -> None:
    engine = ScriptedEngine([said("Hel"), said("lo", tokens=2), said("", finish=FinishReason.STOP)])

    events = await events_of(engine, ASKED)

    assert events == [
        Started(walk_id="", route="tiny", request_id="r1", load=Load(capacity=4)),
        Delta(text="Hel"),
        Delta(text="lo"),
        Finished(
            finish_reason=FinishReason.STOP,
            served_by="tiny",
            model="tiny",
            usage=Usage(input_tokens=3, output_tokens=4),
            load=Load(capacity=4),
            trace_id="t1",
            route="tiny",
            request_id="r1",
        ),
    ]


@virtual_time.test
async def test_a_unary_answer_has_the_same_text_and_the_same_facts() -> None:
    engine = ScriptedEngine([said("Hel"), said("lo", finish=FinishReason.LENGTH)])
    texts: list[str] = []
    reasons: list[FinishReason] = []

    async def ask(answers: Answers) -> None:
        answer = await answers.whole(ASKED, trace_id="")
        texts.append(answer.choice.message.text)
        reasons.append(answer.finished.finish_reason)

    await asking(engine, ask)

    assert texts == ["Hello"]
    assert reasons == [FinishReason.LENGTH]


@virtual_time.test
async def test_a_stop_string_ends_the_answer_and_the_engines_work() -> None:
    engine = ScriptedEngine([said("one EN"), said("D two"), said("three")])

    events = await events_of(engine, replace(ASKED, sampling=Sampling(stop=("END",))))

    assert [event.text for event in events if isinstance(event, Delta)] == ["one "]
    assert isinstance(events[-1], Finished)
    assert events[-1].finish_reason is FinishReason.STOP
    assert engine.cancelled == 1


@virtual_time.test
async def test_what_was_held_back_for_a_stop_string_is_said_at_the_end() -> None:
    engine = ScriptedEngine([said("one EN", finish=FinishReason.STOP)])

    events = await events_of(engine, replace(ASKED, sampling=Sampling(stop=("END",))))

    assert [event.text for event in events if isinstance(event, Delta)] == ["one EN"]


@virtual_time.test
async def test_an_answer_has_the_room_that_the_prompt_leaves() -> None:
    engine = ScriptedEngine([HELLO])

    await events_of(engine, replace(ASKED, sampling=Sampling(max_tokens=1000)))

    assert engine.asked[0].max_tokens == MODEL.context_tokens - 3


@virtual_time.test
async def test_an_answer_is_continued_behind_what_was_said() -> None:
    engine = ScriptedEngine([HELLO])

    events = await events_of(engine, replace(ASKED, continue_from=" four five"))

    assert isinstance(events[-1], Finished)
    assert events[-1].usage == Usage(input_tokens=5, output_tokens=1)


@virtual_time.test
async def test_a_conversation_that_leaves_no_room_is_refused_with_its_length() -> None:
    message = Message(role=Role.USER, parts=(Text(text="word " * 16),))
    engine = ScriptedEngine([HELLO])

    async def ask(answers: Answers) -> None:
        with pytest.raises(ContextLengthExceeded) as refused:
            await answers.whole(replace(ASKED, messages=(message,)), trace_id="")
        assert refused.value.metadata == {"tokens": "16", "allowedTokens": "15"}
        assert [violation.field for violation in refused.value.violations] == ["chat.messages"]

    await asking(engine, ask)

    assert engine.asked == []


@virtual_time.test
async def test_tokens_are_counted_beyond_the_context_too() -> None:
    """Who counts wants to know how much is too much."""
    message = Message(role=Role.USER, parts=(Text(text="word " * 100),))

    async def ask(answers: Answers) -> None:
        assert await answers.count_tokens(replace(ASKED, messages=(message,))) == 100

    await asking(ScriptedEngine([]), ask)


@virtual_time.test
async def test_what_the_model_cannot_do_is_refused_with_its_field() -> None:
    async def ask(answers: Answers) -> None:
        with pytest.raises(Unsupported) as refused:
            await answers.whole(replace(ASKED, tools=(Tool(name="now"),)), trace_id="")
        assert [violation.field for violation in refused.value.violations] == ["chat.tools"]

    await asking(ScriptedEngine([]), ask)


@virtual_time.test
async def test_another_model_is_not_found_and_no_model_is_this_one() -> None:
    async def ask(answers: Answers) -> None:
        with pytest.raises(ModelNotFound):
            await answers.count_tokens(replace(ASKED, model="gpt-5"))
        assert await answers.count_tokens(replace(ASKED, model="")) == 3

    await asking(ScriptedEngine([]), ask)


async def events_before_it_fails(engine: ScriptedEngine) -> list[type]:
    """What kinds of events come before the stream ends as unavailable."""
    kinds: list[type] = []

    async def take_all(answers: Answers) -> None:
        async for event in answers.stream(ASKED, trace_id=""):
            kinds.append(type(event))  # noqa: PERF401 - what comes before the error counts

    async def ask(answers: Answers) -> None:
        with pytest.raises(EngineUnavailable) as told:
            await take_all(answers)
        assert told.value.retry_after is not None

    await asking(engine, ask)
    return kinds


@virtual_time.test
async def test_an_engine_that_dies_mid_answer_is_unavailable_and_not_the_end() -> None:
    """A cut answer is never passed off as a whole one."""
    engine = ScriptedEngine([said("Hel"), DIES])

    assert await events_before_it_fails(engine) == [Started, Delta]


@virtual_time.test
async def test_an_answer_that_ends_without_a_reason_is_no_answer() -> None:
    engine = ScriptedEngine([said("Hel"), GIVES_UP])

    assert await events_before_it_fails(engine) == [Started, Delta]


@virtual_time.test
async def test_a_caller_who_leaves_takes_the_request_out_of_the_engine() -> None:
    engine = ScriptedEngine([said("Hel")])

    async def ask(answers: Answers) -> None:
        async with aclosing(answers.stream(ASKED, trace_id="")) as events:
            async for event in events:
                if isinstance(event, Delta):
                    break

    await asking(engine, ask)

    assert engine.cancelled == 1


@virtual_time.test
async def test_a_caller_who_is_cancelled_while_waiting_leaves_too() -> None:
    engine = ScriptedEngine([])

    async def ask(answers: Answers) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await answers.whole(ASKED, trace_id="")

    await asking(engine, ask)

    assert engine.cancelled == 1


@virtual_time.test
async def test_what_the_engine_does_not_take_may_be_asked_again_soon() -> None:
    """It is out of memory for now, which is no defect of the service and none of the request."""

    async def ask(answers: Answers) -> None:
        with pytest.raises(Overloaded) as refused:
            await answers.whole(ASKED, trace_id="")
        assert refused.value.retry_after is not None

    await asking(ScriptedEngine([REFUSES]), ask)


@virtual_time.test
async def test_who_finds_no_place_is_refused_until_one_is_free() -> None:
    async def ask(answers: Answers) -> None:
        async with asyncio.TaskGroup() as tasks:
            inside = [tasks.create_task(answers.whole(ASKED, trace_id="")) for _ in range(PLACES)]
            await asyncio.sleep(1.0)
            with pytest.raises(Overloaded):
                await answers.whole(ASKED, trace_id="")
            inside[0].cancel()
            await asyncio.wait(inside[:1])
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await answers.whole(ASKED, trace_id="")
            inside[1].cancel()

    await asking(ScriptedEngine([]), ask)
