"""What every answer of an InferenceService has, whole or in pieces."""

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = pytest.mark.integration

SECONDS = 30.0
TOKENS = 24


@pytest.fixture
def chat(model: str) -> chat_pb2.ChatRequest:
    """A short question with a short answer that is the same each time."""
    return chat_pb2.ChatRequest(
        model=model,
        messages=[
            chat_pb2.Message(
                role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Count from one to twenty.")]
            )
        ],
        sampling=chat_pb2.Sampling(temperature=0.0, max_tokens=TOKENS),
    )


async def ask(stub: "Stub", chat: chat_pb2.ChatRequest) -> pb.GenerateResponse:
    return await stub.Generate(pb.GenerateRequest(chat=chat), timeout=SECONDS)


async def stream(stub: "Stub", chat: chat_pb2.ChatRequest) -> list[pb.StreamGenerateResponse]:
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat), timeout=SECONDS)
    return [event async for event in call]


def kinds(events: list[pb.StreamGenerateResponse]) -> list[str | None]:
    return [event.WhichOneof("event") for event in events]


def text_of(response: pb.GenerateResponse) -> str:
    return "".join([part.text for part in response.choices[0].message.parts])


def streamed_text(events: list[pb.StreamGenerateResponse]) -> str:
    return "".join([event.delta.text for event in events])


async def test_a_stream_begins_and_ends_once(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    events = kinds(await stream(stub, chat))

    assert events[0] == "started"
    assert events[-1] == "finished"
    assert set(events[1:-1]) <= {"delta", "hop_update"}
    assert "delta" in events


async def test_the_pieces_are_the_whole(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    """Who changes from one to the other gets the same answer at temperature 0."""
    whole = await ask(stub, chat)
    events = await stream(stub, chat)

    assert text_of(whole)
    assert streamed_text(events) == text_of(whole)
    assert events[-1].finished.finish_reason == whole.finished.finish_reason


async def test_blocks_never_interleave(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    deltas = [event.delta for event in await stream(stub, chat) if event.HasField("delta")]
    blocks = [delta.block for delta in deltas]

    assert blocks[0] == 0
    assert blocks == sorted(blocks)
    assert {delta.choice for delta in deltas} == {0}
    assert all(delta.WhichOneof("content") for delta in deltas)


async def test_a_whole_answer_is_one_choice_of_the_assistant(
    stub: "Stub", chat: chat_pb2.ChatRequest
) -> None:
    (choice,) = (await ask(stub, chat)).choices

    assert choice.index == 0
    assert choice.message.role == chat_pb2.ROLE_ASSISTANT
    assert all(part.WhichOneof("part") for part in choice.message.parts)


async def test_a_system_that_speaks_alone_is_answered(
    stub: "Stub", chat: chat_pb2.ChatRequest
) -> None:
    """As many applications ask: one prompt, written as the system's."""
    chat.messages[0].role = chat_pb2.ROLE_SYSTEM

    (choice,) = (await ask(stub, chat)).choices

    assert choice.message.parts


async def test_every_answer_has_its_facts(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    """Who served it, how good it is, why it ended, what it used."""
    whole = (await ask(stub, chat)).finished
    piecewise = (await stream(stub, chat))[-1].finished

    for finished in (whole, piecewise):
        assert finished.served_by
        assert finished.model
        assert finished.route
        assert finished.degradation == chat_pb2.DEGRADATION_NONE
        assert finished.finish_reason in (
            walk_pb2.FINISH_REASON_STOP,
            walk_pb2.FINISH_REASON_LENGTH,
        )
        assert finished.usage.input_tokens > 0
        assert 0 < finished.usage.output_tokens <= TOKENS
        assert re.fullmatch(r"[0-9a-f]{32}|", finished.trace_id)


async def test_the_last_event_repeats_the_first(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    events = await stream(stub, chat)
    started, finished = events[0].started, events[-1].finished

    assert started.route
    assert (started.walk_id, started.route, started.request_id) == (
        finished.walk_id,
        finished.route,
        finished.request_id,
    )


async def test_the_caller_s_id_comes_back(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    chat.request_id = "my.own-id_1"

    assert (await ask(stub, chat)).finished.request_id == "my.own-id_1"
    events = await stream(stub, chat)
    assert events[0].started.request_id == "my.own-id_1"
    assert events[-1].finished.request_id == "my.own-id_1"


async def test_a_missing_id_is_made(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    ids = [(await ask(stub, chat)).finished.request_id for _ in range(2)]
    ids.append((await stream(stub, chat))[0].started.request_id)

    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,128}", id_) for id_ in ids)


async def test_the_answer_ends_at_max_tokens(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    chat.sampling.max_tokens = 3
    whole = (await ask(stub, chat)).finished
    piecewise = (await stream(stub, chat))[-1].finished

    for finished in (whole, piecewise):
        assert finished.finish_reason == walk_pb2.FINISH_REASON_LENGTH
        assert finished.usage.output_tokens == 3


async def test_the_answer_ends_before_a_stop_string(
    stub: "Stub", chat: chat_pb2.ChatRequest
) -> None:
    """Wherever the pieces' borders are: no part of the string is ever sent."""
    answer = text_of(await ask(stub, chat))
    middle = len(answer) // 2
    stop = answer[middle : middle + 4]
    chat.sampling.stop.append(stop)
    whole = await ask(stub, chat)
    events = await stream(stub, chat)

    assert text_of(whole) == streamed_text(events) == answer[: answer.index(stop)]
    for finished in (whole.finished, events[-1].finished):
        assert finished.finish_reason == walk_pb2.FINISH_REASON_STOP


async def test_many_callers_get_their_own_answers(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    chats = []
    for number in range(8):
        another = chat_pb2.ChatRequest()
        another.CopyFrom(chat)
        another.request_id = f"caller-{number}"
        chats.append(another)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(stub, another)) for another in chats]

    assert [task.result().finished.request_id for task in tasks] == [
        another.request_id for another in chats
    ]


async def test_what_a_later_contract_adds_is_ignored(
    stub: "Stub", chat: chat_pb2.ChatRequest
) -> None:
    """A new client may stand before an old server: here with a field 1000 of value 1."""
    newer = chat_pb2.ChatRequest.FromString(chat.SerializeToString() + b"\xc0\x3e\x01")

    assert text_of(await ask(stub, newer)) == text_of(await ask(stub, chat))
