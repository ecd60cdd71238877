"""Answers out of what an engine says, in virtual time."""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter, Tracer
from failsoft_kit.testing import virtual_time
from failsoft_local_llm.app.answers import Answers
from failsoft_local_llm.app.entrance import Entrance
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.app.life import Patience, Serving
from failsoft_local_llm.app.reader import LONGEST_READ_SECONDS
from failsoft_local_llm.app.succession import Habits
from failsoft_local_llm.core.admission.door import Limits
from failsoft_local_llm.core.blocks import CallPiece
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.errors import (
    ContextLengthExceeded,
    EngineUnavailable,
    ModelNotFound,
    ReaderStalled,
    Unsupported,
)
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import (
    Candidate,
    Chunk,
    Engine,
    EngineDied,
    EngineRefused,
    FormRefused,
    Opened,
    TokenUnknown,
)
from failsoft_model.chat import (
    ChatRequest,
    Criticality,
    Message,
    Part,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
)
from failsoft_model.errors import Overloaded
from failsoft_model.events import BlockKind, Delta, Finished, Started, TokenLogprob
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
CALLER = Caller(tenant="acme", id="r1", trace_id="t1")
DIES = Chunk(data=b"", tokens=0, finish=None)
GIVES_UP = Chunk(data=b"", tokens=0, finish=None)
CANNOT = Chunk(data=b"", tokens=0, finish=None)
REFUSES = Chunk(data=b"", tokens=0, finish=None)
HAS_NO_SUCH = Chunk(data=b"", tokens=0, finish=None)
PLACES = 2
ALL_AT_ONCE = Limits(requests=PLACES, tokens=None, waiting=0, waiting_tokens=0)

SKILLED = replace(
    MODEL,
    capabilities=frozenset(Capability) - {Capability.VISION},
    adapters=("tiny-legal",),
)
NOW = Tool(name="now")


class LastWords:
    """A template that is the last message alone."""

    def prompt(
        self, messages: Sequence[Message], *, continue_from: str, tools: Sequence[Tool] = ()
    ) -> Sequence[str]:
        return [messages[-1].text + continue_from]


@dataclass(slots=True)
class ScriptedEngine:
    """Counts words as tokens, says its chunks, and waits for ever after them."""

    chunks: list[Chunk]
    asked: list[Order] = field(default_factory=list)
    cancelled: int = 0

    def load(self) -> Load:
        return Load(capacity=4)

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        return list(range(len(" ".join(texts).split())))

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        self.asked.append(order)
        try:
            for chunk in self.chunks:
                if chunk is DIES:
                    raise EngineDied("killed by SIGKILL")
                if chunk is CANNOT:
                    raise FormRefused("it is no regular language")
                if chunk is REFUSES:
                    raise EngineRefused("no memory")
                if chunk is HAS_NO_SUCH:
                    raise TokenUnknown
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


@dataclass(slots=True)
class Steady(ScriptedEngine):
    """Takes that long for each chunk; those that nobody has waited for come as one."""

    seconds: float = 0.0

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        loop = asyncio.get_running_loop()
        due, ready = loop.time(), list[Chunk]()
        async with aclosing(ScriptedEngine.generate(self, order)) as chunks:
            async for chunk in chunks:
                due += self.seconds
                if ready and due > loop.time():
                    yield joined(ready)
                    ready = []
                await asyncio.sleep(max(0.0, due - loop.time()))
                ready.append(chunk)
        yield joined(ready)


def joined(chunks: Sequence[Chunk]) -> Chunk:
    return replace(
        chunks[-1],
        data=b"".join(chunk.data for chunk in chunks),
        tokens=sum(chunk.tokens for chunk in chunks),
    )


@dataclass(slots=True)
class SlowTokens(ScriptedEngine):
    """Takes a tenth of a second to count."""

    at_once: int = 0
    most_at_once: int = 0

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.1)
        self.at_once -= 1
        return await ScriptedEngine.tokenize(self, texts)


def said(data: str, *, finish: FinishReason | None = None, tokens: int = 1) -> Chunk:
    return Chunk(data=data.encode(), tokens=tokens, finish=finish)


HELLO = said("hello", finish=FinishReason.STOP)


def token(text: str) -> TokenLogprob:
    return TokenLogprob(token=text, logprob=-0.5, data=text.encode())


def telling(*texts: str, finish: FinishReason | None = None) -> Chunk:
    """A chunk of these tokens, which it tells."""
    chunk = said("".join(texts), finish=finish, tokens=len(texts))
    return replace(chunk, logprobs=tuple(map(token, texts)))


def answered_as(kind: ResponseFormatKind, **form: object) -> ChatRequest:
    return replace(ASKED, response_format=ResponseFormat(kind=kind, **form))  # type: ignore[arg-type]


async def asking(
    engine: ScriptedEngine,
    ask: Callable[[Answers], Awaitable[None]],
    *,
    model: ServedModel = MODEL,
    unload: float | None = None,
    limits: Limits = ALL_AT_ONCE,
) -> None:
    """Asks a service whose engine is ready, and forgets what getting ready took."""

    @asynccontextmanager
    async def start() -> AsyncIterator[Engine]:
        await asyncio.sleep(0.5)
        yield engine

    clock = LoopClock()
    meter, tracer = Meter(clock=clock), Tracer(clock=clock)
    ready = asyncio.Event()

    def on_change(*, serving: bool, why: str) -> None:
        assert serving, why
        ready.set()

    def on_serving(serving: Serving) -> None:
        assert serving.opened.model is model

    async def read() -> Opened:
        return Opened(model=model, template=LastWords(), start=start, max_sequences=PLACES)

    host = EngineHost(
        [Candidate(name=model.name, adapters=model.adapters, profile="p", engine="e", open=read)],
        clock=clock,
        patience=Patience(start=600.0, stall=60.0),
        habits=Habits(retry=600.0, unload=unload),
        on_change=on_change,
        on_serving=on_serving,
        meter=meter,
    )
    script, engine.chunks = engine.chunks, [HELLO]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(host.run())
        await ready.wait()
        engine.chunks, engine.asked, engine.cancelled = script, [], 0
        await ask(
            Answers(
                host=host,
                entrance=Entrance(limits, clock=clock, meter=meter, tracer=tracer),
                defaults=model.defaults,
                clock=clock,
                meter=meter,
                tracer=tracer,
            )
        )
        running.cancel()


async def events_of(
    engine: ScriptedEngine, request: ChatRequest, *, model: ServedModel = MODEL
) -> list[Started | Delta | Finished]:
    events: list[Started | Delta | Finished] = []

    async def ask(answers: Answers) -> None:
        events.extend([event async for event in answers.stream(request, CALLER)])

    await asking(engine, ask, model=model)
    return events


@virtual_time.test
async def test_a_stream_says_who_answers_then_the_pieces_then_the_facts() -> None:
    engine = ScriptedEngine([said("Hel"), said("lo", tokens=2), said("", finish=FinishReason.STOP)])

    events = await events_of(engine, ASKED)

    assert events == [
        Started(
            walk_id="",
            route="tiny",
            request_id="r1",
            load=Load(running=1, capacity=4, running_tokens=3 + MODEL.defaults.max_tokens),
        ),
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
        answer = await answers.whole(ASKED, CALLER)
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

    assert engine.asked[0].decoding.max_tokens == MODEL.context_tokens - 3


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
            await answers.whole(replace(ASKED, messages=(message,)), CALLER)
        assert refused.value.metadata == {"tokens": "16", "allowedTokens": "15"}
        assert [violation.field for violation in refused.value.violations] == ["chat.messages"]

    await asking(engine, ask)

    assert engine.asked == []


@virtual_time.test
async def test_tokens_are_counted_beyond_the_context_too() -> None:
    """Who counts wants to know how much is too much."""
    message = Message(role=Role.USER, parts=(Text(text="word " * 100),))

    async def ask(answers: Answers) -> None:
        assert await answers.count_tokens(replace(ASKED, messages=(message,)), CALLER) == 100

    await asking(ScriptedEngine([]), ask)


@virtual_time.test
async def test_counting_wakes_a_model_that_was_unloaded() -> None:
    """It was told that the next request loads it, and could ask for ever."""

    async def ask(answers: Answers) -> None:
        await asyncio.sleep(100.0)
        assert answers.offered().status.answered_by == ""
        assert await answers.count_tokens(ASKED, CALLER) == 3

    await asking(ScriptedEngine([HELLO]), ask, unload=60.0)


@virtual_time.test
async def test_who_cannot_wait_for_a_model_that_wakes_is_told_at_once_however_many_do() -> None:
    """Those who waited for it held both turns meanwhile, and the others knew nothing."""

    async def ask(answers: Answers) -> None:
        await asyncio.sleep(100.0)
        async with asyncio.TaskGroup() as tasks:
            for tenant in "ab":
                tasks.create_task(answers.count_tokens(ASKED, replace(CALLER, tenant=tenant)))
            await asyncio.sleep(0.1)
            now = asyncio.get_running_loop().time()
            with pytest.raises(EngineUnavailable):
                await answers.count_tokens(ASKED, replace(CALLER, deadline_at=now + 0.1))
            assert asyncio.get_running_loop().time() == now

    await asking(ScriptedEngine([HELLO]), ask, unload=60.0)


@virtual_time.test
async def test_many_who_count_do_not_fill_the_engine() -> None:
    """There is no place to be taken for it, so what one tenant asks for goes one by one."""
    engine = SlowTokens([HELLO])

    async def ask(answers: Answers) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(answers.count_tokens(ASKED, CALLER))

    await asking(engine, ask)

    assert engine.most_at_once == 1


@virtual_time.test
async def test_what_the_model_cannot_do_is_refused_with_its_field() -> None:
    async def ask(answers: Answers) -> None:
        with pytest.raises(Unsupported) as refused:
            await answers.whole(replace(ASKED, tools=(Tool(name="now"),)), CALLER)
        assert [violation.field for violation in refused.value.violations] == ["chat.tools"]

    await asking(ScriptedEngine([]), ask)


@virtual_time.test
async def test_another_model_is_not_found_and_no_model_is_this_one() -> None:
    async def ask(answers: Answers) -> None:
        with pytest.raises(ModelNotFound):
            await answers.count_tokens(replace(ASKED, model="gpt-5"), CALLER)
        assert await answers.count_tokens(replace(ASKED, model=""), CALLER) == 3

    await asking(ScriptedEngine([]), ask)


async def events_before_it_fails(engine: ScriptedEngine) -> list[type]:
    """What kinds of events come before the stream ends as unavailable."""
    kinds: list[type] = []

    async def take_all(answers: Answers) -> None:
        async for event in answers.stream(ASKED, CALLER):
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
        async with aclosing(answers.stream(ASKED, CALLER)) as events:
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
                await answers.whole(ASKED, CALLER)

    await asking(engine, ask)

    assert engine.cancelled == 1


@virtual_time.test
async def test_what_the_engine_does_not_take_may_be_asked_again_soon() -> None:
    """It is out of memory for now, which is no defect of the service and none of the request."""

    async def ask(answers: Answers) -> None:
        with pytest.raises(Overloaded) as refused:
            await answers.whole(ASKED, CALLER)
        assert refused.value.retry_after is not None

    await asking(ScriptedEngine([REFUSES]), ask)


async def read_until(answers: Answers, last: type[Started | Delta | Finished]) -> None:
    """Reads on to the first event of that kind, and then nothing more."""
    async with aclosing(answers.stream(ASKED, CALLER)) as events:
        async for event in events:
            if isinstance(event, last):
                await asyncio.Event().wait()


@virtual_time.test
async def test_who_reads_nothing_of_a_stream_gives_the_place_back() -> None:
    """Eight of them kept everybody else out, for as long as a connection may live."""
    engine = ScriptedEngine([said("Hel"), said("lo")])

    async def ask(answers: Answers) -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ReaderStalled):
            await read_until(answers, Delta)
        assert asyncio.get_running_loop().time() == began + LONGEST_READ_SECONDS
        assert answers.load().running == 0

    await asking(engine, ask)

    assert engine.cancelled == 1


@virtual_time.test
async def test_who_reads_slowly_is_served() -> None:
    async def ask(answers: Answers) -> None:
        events: list[Started | Delta | Finished] = []
        async for event in answers.stream(ASKED, CALLER):
            await asyncio.sleep(LONGEST_READ_SECONDS - 1.0)
            events.append(event)
        assert isinstance(events[-1], Finished)

    await asking(ScriptedEngine([said("Hel"), said("lo"), HELLO]), ask)


@virtual_time.test
async def test_an_engine_may_take_longer_than_a_reader() -> None:
    engine = Steady([said("Hel"), HELLO], seconds=LONGEST_READ_SECONDS * 2)

    async def ask(answers: Answers) -> None:
        assert [event async for event in answers.stream(ASKED, CALLER)]

    await asking(engine, ask)


@virtual_time.test
async def test_the_end_of_an_answer_is_read_without_a_place() -> None:
    """The engine has ended it: another can be answered meanwhile."""

    async def ask(answers: Answers) -> None:
        async with aclosing(answers.stream(ASKED, CALLER)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    break
            assert answers.load().running == 0

    await asking(ScriptedEngine([HELLO]), ask)


@virtual_time.test
async def test_who_reads_slowly_makes_nobody_else_too_late() -> None:
    """The next ones were refused: an answer looked as if it took as long as that reader."""
    waiting = Limits(requests=1, tokens=None, waiting=1, waiting_tokens=1000)
    engine = Steady([said("Hel"), said("lo"), HELLO], seconds=1.0)

    async def ask(answers: Answers) -> None:
        for _ in range(20):
            await answers.whole(ASKED, CALLER)
        async for _ in answers.stream(ASKED, CALLER):
            await asyncio.sleep(LONGEST_READ_SECONDS - 1.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(answers.whole(ASKED, CALLER))
            await asyncio.sleep(0.5)
            deadline_at = asyncio.get_running_loop().time() + 10.0
            await answers.whole(ASKED, replace(CALLER, deadline_at=deadline_at))

    await asking(engine, ask, limits=waiting)


@virtual_time.test
async def test_a_stream_keeps_nothing_of_what_it_has_sent() -> None:
    """With twenty alternatives for each token, long answers took hundreds of megabytes."""
    engine = ScriptedEngine([*[said("sent and gone")] * 200, HELLO])

    def kept() -> int:
        return sum(
            isinstance(each, Delta) and each.text == "sent and gone" for each in gc.get_objects()
        )

    async def ask(answers: Answers) -> None:
        most = 0
        async for event in answers.stream(ASKED, CALLER):
            if isinstance(event, Finished):
                most = kept()
        assert most <= 1

    await asking(engine, ask)


@virtual_time.test
async def test_who_allows_a_longer_answer_than_there_can_be_waits_like_others() -> None:
    """Two words were refused as long as anybody was inside: more than may wait at all."""
    waiting = Limits(requests=1, tokens=None, waiting=1, waiting_tokens=MODEL.context_tokens)

    async def ask(answers: Answers) -> None:
        async with asyncio.TaskGroup() as tasks:
            inside = tasks.create_task(answers.whole(ASKED, CALLER))
            await asyncio.sleep(1.0)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await answers.whole(
                        replace(ASKED, sampling=Sampling(max_tokens=131_072)), CALLER
                    )
            inside.cancel()

    await asking(ScriptedEngine([]), ask, limits=waiting)


@virtual_time.test
async def test_who_finds_no_place_is_refused_until_one_is_free() -> None:
    async def ask(answers: Answers) -> None:
        async with asyncio.TaskGroup() as tasks:
            inside = [tasks.create_task(answers.whole(ASKED, CALLER)) for _ in range(PLACES)]
            await asyncio.sleep(1.0)
            with pytest.raises(Overloaded):
                await answers.whole(ASKED, CALLER)
            inside[0].cancel()
            await asyncio.wait(inside[:1])
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await answers.whole(ASKED, CALLER)
            inside[1].cancel()

    await asking(ScriptedEngine([]), ask)


def calling(*pieces: CallPiece, finish: FinishReason | None = None, data: str = "") -> Chunk:
    return Chunk(data=data.encode(), tokens=1, finish=finish, calls=pieces)


@virtual_time.test
async def test_a_tool_call_is_a_block_of_its_own_and_the_reason_to_end() -> None:
    begun = CallPiece(call=0, id="c0", name="now", arguments="")
    engine = ScriptedEngine(
        [
            calling(begun, data="Well. "),
            calling(CallPiece(call=0, arguments="{}"), finish=FinishReason.STOP),
        ]
    )

    events = await events_of(engine, replace(ASKED, tools=(NOW,)), model=SKILLED)

    call = BlockKind.TOOL_CALL
    assert [event for event in events if isinstance(event, Delta)] == [
        Delta(text="Well. "),
        Delta(text="", kind=call, block=1, tool_call_id="c0", tool_name="now"),
        Delta(text="{}", kind=call, block=1),
    ]
    assert isinstance(events[-1], Finished)
    assert events[-1].finish_reason is FinishReason.TOOL_CALLS
    assert engine.asked[0].tools == (NOW,)


@virtual_time.test
async def test_a_call_that_ran_out_of_tokens_is_cut_and_says_so() -> None:
    """Its arguments are half a JSON: nobody may run it."""
    begun = CallPiece(call=0, id="c0", name="now", arguments='{"a":')
    engine = ScriptedEngine([calling(begun, finish=FinishReason.LENGTH)])

    events = await events_of(engine, replace(ASKED, tools=(NOW,)), model=SKILLED)

    assert isinstance(events[-1], Finished)
    assert events[-1].finish_reason is FinishReason.LENGTH


@virtual_time.test
async def test_tools_that_may_not_be_called_are_no_tools_to_the_engine() -> None:
    engine = ScriptedEngine([HELLO])
    request = replace(ASKED, tools=(NOW,), tool_choice=ToolChoice(mode=ToolChoiceMode.NONE))

    await events_of(engine, request, model=SKILLED)

    assert engine.asked[0].tools == ()


@virtual_time.test
async def test_a_whole_answer_has_a_part_for_each_block() -> None:
    begun = CallPiece(call=0, id="c0", name="now", arguments="{}")
    engine = ScriptedEngine([calling(begun, data="Well. ", finish=FinishReason.STOP)])
    parts: list[tuple[Part, ...]] = []

    async def ask(answers: Answers) -> None:
        answer = await answers.whole(replace(ASKED, tools=(NOW,)), CALLER)
        parts.append(answer.choice.message.parts)

    await asking(engine, ask, model=SKILLED)

    assert parts == [(Text(text="Well. "), ToolCall(id="c0", name="now", arguments_json="{}"))]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (
            replace(
                ASKED,
                response_format=ResponseFormat(
                    kind=ResponseFormatKind.JSON_SCHEMA, name="odd", schema_json='{"not": {}}'
                ),
            ),
            "chat.response_format.schema_json",
        ),
        (replace(ASKED, tools=(NOW,)), "chat.tools"),
        (answered_as(ResponseFormatKind.REGEX, regex="(a"), "chat.response_format.regex"),
        (
            answered_as(ResponseFormatKind.CHOICE, choices=("a",)),
            "chat.response_format.choices",
        ),
    ],
    ids=["schema", "tools", "regex", "choices"],
)
def test_a_form_that_the_engine_cannot_hold_is_the_callers_to_change(
    request_: ChatRequest, field: str
) -> None:
    async def ask(answers: Answers) -> None:
        with pytest.raises(Unsupported) as refused:
            await answers.whole(request_, CALLER)
        assert [violation.field for violation in refused.value.violations] == [field]

    virtual_time.run(asking(ScriptedEngine([CANNOT]), ask, model=SKILLED))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (answered_as(ResponseFormatKind.REGEX, regex=r"a\b"), "chat.response_format.regex"),
        (
            replace(ASKED, tools=(NOW,), sampling=Sampling(logprobs=True)),
            "chat.sampling.logprobs",
        ),
    ],
    ids=["regex", "tokens of calls"],
)
def test_what_no_engine_can_do_never_reaches_it(request_: ChatRequest, field: str) -> None:
    engine = ScriptedEngine([HELLO])

    async def ask(answers: Answers) -> None:
        with pytest.raises(Unsupported) as refused:
            await answers.whole(request_, CALLER)
        assert [violation.field for violation in refused.value.violations] == [field]

    virtual_time.run(asking(engine, ask, model=SKILLED))
    assert engine.asked == []


@virtual_time.test
async def test_a_bias_for_no_token_of_the_model_is_the_callers_to_change() -> None:
    request = replace(ASKED, sampling=Sampling(logit_bias=((99, 1.0),)))

    async def ask(answers: Answers) -> None:
        with pytest.raises(Unsupported) as refused:
            await answers.whole(request, CALLER)
        (violation,) = refused.value.violations
        assert violation.field == "chat.sampling.logit_bias"

    await asking(ScriptedEngine([HAS_NO_SUCH]), ask, model=SKILLED)


@virtual_time.test
async def test_tokens_come_with_the_text_that_they_are_of() -> None:
    """What is held back for a stop string is told with it, and what is cut is not told."""
    engine = ScriptedEngine([telling("one", " E"), telling("ven"), telling(" EN", "D", " two")])
    request = replace(ASKED, sampling=Sampling(stop=("END",), logprobs=True))

    events = await events_of(engine, request, model=SKILLED)

    deltas = [event for event in events if isinstance(event, Delta)]
    assert "".join(delta.text for delta in deltas) == "one Even "
    assert [[told.token for told in delta.logprobs] for delta in deltas] == [
        ["one", " E"],
        ["ven"],
        [" EN"],
    ]
    assert engine.asked[0].decoding.alternatives == 0


@virtual_time.test
async def test_a_whole_answer_tells_its_tokens_once() -> None:
    engine = ScriptedEngine([telling("a"), telling("b", finish=FinishReason.STOP)])
    told: list[TokenLogprob] = []

    async def ask(answers: Answers) -> None:
        request = replace(ASKED, sampling=Sampling(logprobs=True))
        told.extend((await answers.whole(request, CALLER)).choice.logprobs)

    await asking(engine, ask, model=SKILLED)

    assert told == [token("a"), token("b")]


@virtual_time.test
async def test_an_adapter_is_asked_for_like_a_model() -> None:
    engine = ScriptedEngine([HELLO])

    events = await events_of(engine, replace(ASKED, model="tiny-legal"), model=SKILLED)

    assert engine.asked[0].adapter == "tiny-legal"
    assert isinstance(events[-1], Finished)
    assert events[-1].model == "tiny-legal"


@virtual_time.test
async def test_tokens_that_were_not_read_again_are_told() -> None:
    engine = ScriptedEngine([replace(HELLO, cached_tokens=2)])

    events = await events_of(engine, ASKED)

    assert isinstance(events[-1], Finished)
    assert events[-1].usage == Usage(input_tokens=3, output_tokens=1, cached_input_tokens=2)


@virtual_time.test
async def test_the_engine_learns_who_asks_and_how_much_it_matters() -> None:
    engine = ScriptedEngine([HELLO])

    await events_of(engine, replace(ASKED, criticality=Criticality.SHEDDABLE))

    assert engine.asked[0].caller == CALLER
    assert engine.asked[0].criticality is Criticality.SHEDDABLE
