"""What an engine has to do before it is let loose on callers."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_local_llm.app.warmup import warm_up
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.order import Order
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.core.warming import prompt_lengths
from failsoft_local_llm.ports import Chunk, Engine, EngineRefused, FormRefused, Opened
from failsoft_model.chat import Message, Tool
from failsoft_model.walk import Capability, FinishReason, Load


class Plain:
    """A template of three tokens."""

    def prompt(
        self, messages: Sequence[Message], *, continue_from: str, tools: Sequence[Tool] = ()
    ) -> Sequence[str]:
        return ["a", "b", "c"]


@dataclass(slots=True)
class Recorder:
    """Notes what it is asked, and refuses prompts that are longer than it can hold."""

    room: int = 10_000
    knows_forms: bool = True
    asked: list[Order] = field(default_factory=list)

    def load(self) -> Load:
        return Load()

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        return list(range(len(texts)))

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        self.asked.append(order)
        if len(order.prompt) > self.room:
            raise EngineRefused("no memory")
        if order.decoding.form and not self.knows_forms:
            raise FormRefused
        yield Chunk(data=b"Hi", tokens=order.decoding.max_tokens, finish=FinishReason.LENGTH)

    def heartbeat(self) -> int | None:
        return None

    async def wait_until_dead(self) -> str:
        raise AssertionError("it lives for ever")


def cannot_start() -> AbstractAsyncContextManager[Engine]:
    raise AssertionError("it has been started")


def opened(*capabilities: Capability) -> Opened:
    model = ServedModel(
        name="tiny",
        context_tokens=1024,
        capabilities=frozenset(capabilities),
        defaults=Defaults(temperature=0.0, top_p=1.0, max_tokens=8, frequency_penalty=0.0),
    )
    return Opened(model=model, template=Plain(), start=cannot_start, max_sequences=4)


async def warmed(engine: Recorder, *capabilities: Capability, longest: int = 4096) -> list[int]:
    """The lengths of what the engine is asked."""
    await warm_up(engine, opened(*capabilities), longest=longest)
    return [len(order.prompt) for order in engine.asked]


@virtual_time.test
async def test_a_question_comes_first_then_every_length_that_the_context_holds() -> None:
    assert await warmed(Recorder()) == [3, 64, 512]


@virtual_time.test
async def test_every_prompt_is_read_and_answered() -> None:
    """A step of reading and one of writing are different kernels."""
    engine = Recorder()
    await warmed(engine)

    assert all(order.decoding.max_tokens > 1 for order in engine.asked)


@virtual_time.test
async def test_who_can_answer_in_a_form_is_asked_to_once() -> None:
    engine = Recorder()

    await warmed(engine, Capability.JSON_SCHEMA)

    assert [order.decoding.form is None for order in engine.asked] == [
        True,
        False,
        True,
        True,
    ]


@virtual_time.test
async def test_the_question_alone_is_asked_where_no_more_is_wanted() -> None:
    assert await warmed(Recorder(), Capability.JSON_SCHEMA, longest=0) == [3]


@virtual_time.test
async def test_what_an_engine_refuses_does_not_keep_it_from_serving() -> None:
    engine = Recorder(room=100, knows_forms=False)

    assert await warmed(engine, Capability.JSON_SCHEMA) == [3, 3, 64, 512]


@virtual_time.test
async def test_an_engine_that_refuses_the_first_question_is_of_no_use() -> None:
    with pytest.raises(EngineRefused):
        await warmed(Recorder(room=1))


@pytest.mark.parametrize(
    ("longest", "context", "lengths"),
    [
        (0, 8192, []),
        (63, 8192, []),
        (64, 8192, [64]),
        (5000, 8192, [64, 512, 4096]),
        (5000, 514, [64, 512]),
        (5000, 513, [64]),
        (5000, 16, []),
    ],
)
def test_lengths_lie_apart_and_leave_room_for_an_answer(
    longest: int, context: int, lengths: list[int]
) -> None:
    assert list(prompt_lengths(longest=longest, context_tokens=context)) == lengths
