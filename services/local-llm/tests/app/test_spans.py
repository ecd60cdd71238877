"""The spans of a request, however it ends, in virtual time and by strict names."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.telemetry import Kind, Meter, NameRegistry, Tracer
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.spans import RecordedSpan, RecordedSpans
from failsoft_local_llm import telemetry
from failsoft_local_llm.app.answers import Answers
from failsoft_local_llm.app.entrance import Entrance
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.app.life import Patience
from failsoft_local_llm.app.succession import Habits
from failsoft_local_llm.core.admission.door import Limits
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import Candidate, Chunk, Engine, EngineDied, EngineRefused, Opened
from failsoft_model.chat import ChatRequest, Criticality, Message, Role, Sampling, Text
from failsoft_model.errors import FailsoftError
from failsoft_model.events import Delta, Finished, Started
from failsoft_model.walk import FinishReason, Load

CALL = "failsoft.inference.v1.InferenceService/StreamGenerate"
QUEUE, PREFILL, DECODE = telemetry.QUEUE, telemetry.PREFILL, telemetry.DECODE
MODEL = ServedModel(
    name="tiny",
    context_tokens=16,
    capabilities=frozenset(),
    defaults=Defaults(temperature=0.0, top_p=1.0, max_tokens=8, frequency_penalty=0.0),
)
SERVED = {
    "gen_ai.response.model": "tiny",
    "failsoft.profile": "primary",
    "failsoft.degradation": "none",
}
STEP_SECONDS = 2.0
"""From each thing that the engine says to the next."""


def asked(text: str = "one two three", **fields: object) -> ChatRequest:
    message = Message(role=Role.USER, parts=(Text(text=text),))
    return ChatRequest(model="tiny", messages=(message,), request_id="r1", **fields)  # type: ignore[arg-type]


def said(data: str, *, finish: FinishReason | None = None, cached: int = 0) -> Chunk:
    return Chunk(data=data.encode(), tokens=len(data.split()), finish=finish, cached_tokens=cached)


WHOLE = (said("a", cached=2), said("b c"), said("d", finish=FinishReason.LENGTH))
SILENT: tuple[Chunk, ...] = ()


class LastWords:
    """A template that is the last message alone."""

    def prompt(
        self, messages: Sequence[Message], *, continue_from: str, tools: Sequence[object] = ()
    ) -> Sequence[str]:
        return [messages[-1].text]


@dataclass(slots=True)
class Script:
    """An engine that says these chunks in even steps, and then does what `end` says."""

    chunks: Sequence[Chunk] = WHOLE
    end: Exception | None = None
    """Raised behind the last chunk."""
    silent: bool = False
    """It says nothing more behind the last chunk, and does not end."""
    dead: bool = False
    """It cannot even count tokens."""
    asked: list[Order] = field(default_factory=list)

    def load(self) -> Load:
        return Load(capacity=1)

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        if self.dead:
            raise EngineDied("killed by SIGKILL")
        return list(range(len(" ".join(texts).split())))

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        self.asked.append(order)
        for chunk in self.chunks:
            await asyncio.sleep(STEP_SECONDS)
            yield chunk
            if chunk.finish is not None:
                return
        if self.end is not None:
            raise self.end
        if self.silent:
            await asyncio.Event().wait()

    def heartbeat(self) -> int | None:
        return None

    async def wait_until_dead(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError("it lives for ever")


class Service:
    """A service whose engine is ready, and the spans of what it is asked."""

    def __init__(self, host: EngineHost, limits: Limits) -> None:
        clock, names = LoopClock(), NameRegistry(strict=True)
        names.register((*RPC_NAMES, *telemetry.NAMES))
        self.spans = RecordedSpans()
        self._tracer = Tracer(clock=clock, sink=self.spans, names=names)
        meter = Meter(clock=clock)
        entrance = Entrance(limits, clock=clock, meter=meter, tracer=self._tracer)
        self.answers = Answers(
            host=host,
            entrance=entrance,
            defaults=MODEL.defaults,
            clock=clock,
            meter=meter,
            tracer=self._tracer,
        )

    async def ask(
        self, request: ChatRequest | None = None, *, seconds: float = math.inf, read: int = 1000
    ) -> None:
        """A call that is answered.

        Args:
            seconds: Until its deadline.
            read: Events after which the caller goes away.
        """
        caller = Caller(tenant="acme", id="r1", deadline_at=LoopClock().now() + seconds)
        with self._tracer.start(CALL, kind=Kind.SERVER) as call, call.active():
            async with aclosing(self.answers.stream(request or asked(), caller)) as events:
                await _read(events, most=read)

    def stages(self) -> list[tuple[str, str | None]]:
        """The spans below the call, each with its error, in the order of their ends."""
        below = [span for span in self.spans.all() if span.kind is not Kind.SERVER]
        assert all((span.parent, span.kind) == (CALL, Kind.INTERNAL) for span in below)
        return [(span.name, span.error) for span in below]

    def one(self, name: str) -> RecordedSpan:
        return self.spans.one(name)


async def _read(events: AsyncGenerator[Started | Delta | Finished, None], *, most: int) -> None:
    for _ in range(most):
        if await anext(events, None) is None:
            return


@asynccontextmanager
async def serving(engine: Script, *, rung: int = 0, waiting: int = 1) -> AsyncIterator[Service]:
    """A service that answers one request at once.

    Args:
        rung: Models above this one that cannot be loaded.
    """
    ready = asyncio.Event()

    @asynccontextmanager
    async def start() -> AsyncIterator[Engine]:
        yield engine

    async def opens() -> Opened:
        return Opened(model=MODEL, template=LastWords(), start=start, max_sequences=1)

    async def fails() -> Opened:
        raise EngineDied("no such file")

    better = [Candidate(name="big", profile="primary", engine="vllm", open=fails)] * rung
    profile = "minimal" if rung else "primary"
    host = EngineHost(
        [*better, Candidate(name="tiny", profile=profile, engine="vllm", open=opens)],
        clock=LoopClock(),
        patience=Patience(start=600.0, stall=600.0),
        habits=Habits(retry=1e6),
        on_change=lambda *, serving, why: ready.set() if serving else None,
        on_serving=lambda serving: None,
        meter=Meter(clock=LoopClock()),
    )
    script, engine.chunks = engine.chunks, [said("hi", finish=FinishReason.STOP)]
    end, engine.end, dead, engine.dead = engine.end, None, engine.dead, False
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(host.run())
        await ready.wait()
        engine.chunks, engine.end, engine.dead = script, end, dead
        yield Service(host, Limits(requests=1, tokens=None, waiting=waiting, waiting_tokens=1000))
        running.cancel()


@virtual_time.test
async def test_a_whole_answer_waits_is_read_and_is_written() -> None:
    async with serving(Script()) as service:
        await service.ask()
    assert service.stages() == [(QUEUE, None), (PREFILL, None), (DECODE, None)]
    assert service.one(QUEUE).attributes == {
        "failsoft.criticality": "critical",
        "failsoft.queue.expected_wait": 0.0,
        "failsoft.queue.wait": 0.0,
    }
    assert service.one(PREFILL).attributes == {
        **SERVED,
        "failsoft.engine.prompt_tokens": 3,
        "failsoft.engine.cached_tokens": 2,
    }
    assert service.one(DECODE).attributes == {
        **SERVED,
        "failsoft.engine.output_tokens": 4,
        "gen_ai.response.finish_reasons": ("length",),
    }
    assert (service.one(PREFILL).duration, service.one(DECODE).duration) == (2.0, 4.0)


@virtual_time.test
async def test_the_call_says_who_answered_and_why_it_ended() -> None:
    async with serving(Script()) as service:
        await service.ask()
    call = service.one(CALL)
    assert call.error is None
    assert call.attributes == {
        **SERVED,
        "gen_ai.provider.name": "vllm",
        "gen_ai.response.finish_reasons": ("length",),
    }


@virtual_time.test
async def test_no_token_is_counted_a_second_time_in_genais_words() -> None:
    """The router's attempts have them; a sum over a trace must not have them twice."""
    async with serving(Script()) as service:
        await service.ask()
    assert not [
        key
        for span in service.spans.all()
        for key in span.attributes
        if key.startswith("gen_ai.usage.")
    ]


@virtual_time.test
async def test_what_a_smaller_model_did_says_so() -> None:
    async with serving(Script(), rung=1) as service:
        await service.ask()
    for name in (CALL, PREFILL, DECODE):
        attributes = service.one(name).attributes
        assert attributes["failsoft.degradation"] == "fallback_target"
        assert attributes["failsoft.profile"] == "minimal"


@virtual_time.test
async def test_an_answer_without_tokens_is_whole_too() -> None:
    async with serving(Script([said("", finish=FinishReason.STOP)])) as service:
        await service.ask()
    assert service.stages() == [(QUEUE, None), (PREFILL, None), (DECODE, None)]
    assert service.one(DECODE).attributes["failsoft.engine.output_tokens"] == 0


@virtual_time.test
async def test_a_stop_string_ends_the_writing_when_it_comes() -> None:
    async with serving(Script([said("a"), said("END"), said("b")])) as service:
        await service.ask(asked(sampling=Sampling(stop=("END",))))
    decode = service.one(DECODE)
    assert decode.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert decode.duration == 2.0


@virtual_time.test
async def test_a_caller_who_reads_slowly_does_not_make_the_engine_look_slow() -> None:
    """What is left to read of an answer that is whole is no work of the engine's."""
    async with serving(Script([said("a", finish=FinishReason.STOP)])) as service:
        caller = Caller(tenant="acme", id="r1")
        async with aclosing(service.answers.stream(asked(), caller)) as events:
            await anext(events)
            await anext(events)
            await asyncio.sleep(30.0)
            await anext(events)
    assert service.one(DECODE).duration == 0.0


@virtual_time.test
async def test_who_waits_has_the_waiting_as_a_span() -> None:
    async with serving(Script()) as service, asyncio.TaskGroup() as tasks:
        tasks.create_task(service.ask())
        tasks.create_task(service.ask(asked(criticality=Criticality.SHEDDABLE)))
    first, second = service.spans.named(QUEUE)
    assert (first.duration, second.duration) == (0.0, 6.0)
    assert second.attributes == {
        "failsoft.criticality": "sheddable",
        "failsoft.queue.wait": 6.0,
    }


@virtual_time.test
async def test_the_wait_that_admission_expected_stands_beside_the_real_one() -> None:
    async with serving(Script(), waiting=8) as service:
        for _ in range(8):
            await service.ask()
        service.spans.clear()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(service.ask())
    waits = [span.attributes for span in service.spans.named(QUEUE)]
    assert [each["failsoft.queue.wait"] for each in waits] == [0.0, 6.0, 12.0]
    expected = [each["failsoft.queue.expected_wait"] for each in waits]
    assert expected == [0.0, pytest.approx(6.0, rel=0.3), pytest.approx(12.0, rel=0.3)]


@virtual_time.test
async def test_who_finds_no_place_is_told_why_on_the_queue() -> None:
    async with (
        serving(Script(silent=True, chunks=SILENT), waiting=0) as service,
        asyncio.TaskGroup() as tasks,
    ):
        inside = tasks.create_task(service.ask())
        await asyncio.sleep(1.0)
        with pytest.raises(FailsoftError):
            await service.ask()
        inside.cancel()
    refused = service.spans.named(QUEUE)[1]
    assert refused.error == "OVERLOADED"
    assert refused.attributes["failsoft.queue.refusal"] == "full"
    assert "failsoft.queue.wait" not in refused.attributes


@virtual_time.test
async def test_who_waits_until_it_is_too_late_ends_the_queue_then() -> None:
    async with serving(Script(silent=True, chunks=SILENT)) as service, asyncio.TaskGroup() as tasks:
        inside = tasks.create_task(service.ask())
        await asyncio.sleep(1.0)
        with pytest.raises(FailsoftError):
            await service.ask(seconds=3.0)
        inside.cancel()
    late = service.spans.named(QUEUE)[1]
    assert (late.error, late.duration) == ("OVERLOADED", 3.0)
    assert late.attributes["failsoft.queue.refusal"] == "late"


@virtual_time.test
async def test_who_is_pushed_out_ends_the_queue_at_once() -> None:
    async with serving(Script(silent=True, chunks=SILENT)) as service, asyncio.TaskGroup() as tasks:
        inside = tasks.create_task(service.ask())
        await asyncio.sleep(1.0)
        sheddable = asked(criticality=Criticality.SHEDDABLE)
        pushed = tasks.create_task(_refused(service, sheddable))
        await asyncio.sleep(1.0)
        waiting = tasks.create_task(service.ask())
        await pushed
        waiting.cancel()
        inside.cancel()
    refused = service.spans.named(QUEUE)[1]
    assert (refused.error, refused.duration) == ("OVERLOADED", 1.0)
    assert refused.attributes["failsoft.queue.refusal"] == "pushed_out"


async def _refused(service: Service, request: ChatRequest | None = None) -> None:
    with pytest.raises(FailsoftError):
        await service.ask(request)


@pytest.mark.parametrize(
    ("engine", "stages"),
    [
        (Script(dead=True), [(QUEUE, "ENGINE_UNAVAILABLE")]),
        (
            Script(SILENT, end=EngineDied("killed by SIGKILL")),
            [(QUEUE, None), (PREFILL, "ENGINE_UNAVAILABLE")],
        ),
        (
            Script([said("a")], end=EngineDied("killed by SIGKILL")),
            [(QUEUE, None), (PREFILL, None), (DECODE, "ENGINE_UNAVAILABLE")],
        ),
        (Script([said("a")]), [(QUEUE, None), (PREFILL, None), (DECODE, "ENGINE_UNAVAILABLE")]),
        (
            Script(SILENT, end=EngineRefused("no memory")),
            [(QUEUE, None), (PREFILL, "OVERLOADED")],
        ),
        (
            Script([said("a")], end=RuntimeError("a bug")),
            [(QUEUE, None), (PREFILL, None), (DECODE, "RuntimeError")],
        ),
    ],
    ids=["dead", "dies reading", "dies writing", "no reason", "refuses", "breaks"],
)
@virtual_time.test
async def test_what_ends_an_answer_is_said_where_it_ended(
    engine: Script, stages: list[tuple[str, str | None]]
) -> None:
    async with serving(engine) as service:
        with suppress(FailsoftError, RuntimeError):
            await service.ask()
    assert service.stages() == stages


@virtual_time.test
async def test_what_was_written_before_the_engine_died_is_told() -> None:
    async with serving(Script([said("a b c")], end=EngineDied("killed"))) as service:
        await _refused(service)
    decode = service.one(DECODE)
    assert decode.attributes == {
        **SERVED,
        "failsoft.engine.output_tokens": 3,
        "error.type": "ENGINE_UNAVAILABLE",
    }


@virtual_time.test
async def test_a_conversation_that_is_too_long_never_comes_to_the_engine() -> None:
    async with serving(Script()) as service:
        await _refused(service, asked("word " * 20))
    assert service.stages() == [(QUEUE, "CONTEXT_LENGTH")]


@pytest.mark.parametrize(
    ("seconds", "last"), [(0.5, PREFILL), (2.5, DECODE)], ids=["reading", "writing"]
)
@virtual_time.test
async def test_a_caller_who_hangs_up_is_no_error(seconds: float, last: str) -> None:
    async with serving(Script(silent=True)) as service, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(service.ask())
        await asyncio.sleep(seconds)
        call.cancel()
    assert service.stages()[-1] == (last, None)
    assert "gen_ai.response.finish_reasons" not in service.one(last).attributes
    assert service.one(CALL).error is None


@virtual_time.test
async def test_who_hangs_up_while_it_waits_ends_the_queue() -> None:
    async with serving(Script(SILENT, silent=True)) as service, asyncio.TaskGroup() as tasks:
        inside = tasks.create_task(service.ask())
        await asyncio.sleep(1.0)
        waiting = tasks.create_task(service.ask())
        await asyncio.sleep(1.0)
        waiting.cancel()
        inside.cancel()
    assert [(span.error, span.duration) for span in service.spans.named(QUEUE)] == [
        (None, 0.0),
        (None, 1.0),
    ]


@pytest.mark.parametrize(("read", "last"), [(1, QUEUE), (2, DECODE)], ids=["start", "piece"])
@virtual_time.test
async def test_a_stream_that_is_not_read_on_ends_its_spans(read: int, last: str) -> None:
    async with serving(Script()) as service:
        await service.ask(read=read)
    assert service.stages()[-1] == (last, None)


@virtual_time.test
async def test_a_stream_that_nobody_reads_has_no_spans() -> None:
    async with serving(Script()) as service:
        await service.ask(read=0)
    assert service.stages() == []
