"""Both clients against a real server: they ask once, in time, and say what went wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_client import Client, FailsoftRpcError, Reply, Violation, aio, user

pytestmark = pytest.mark.integration

FINISHED = pb.Finished(
    finish_reason=walk_pb2.FINISH_REASON_STOP,
    served_by="local-llama",
    model="llama",
    degradation=chat_pb2.DEGRADATION_FALLBACK_TARGET,
    hops=[
        walk_pb2.Hop(position=1, target="cloud", outcome=walk_pb2.HOP_OUTCOME_FAILED),
        walk_pb2.Hop(position=2, target="local-llama", outcome=walk_pb2.HOP_OUTCOME_SERVED),
    ],
)


def text(piece: str, *, block: int = 0) -> pb.StreamGenerateResponse:
    return pb.StreamGenerateResponse(delta=pb.Delta(block=block, text=piece))


@dataclass
class Script:
    """What the server does, and what it saw."""

    events: list[pb.StreamGenerateResponse] = field(
        default_factory=lambda: [
            pb.StreamGenerateResponse(started=pb.Started(walk_id="w1")),
            text("Hel"),
            text("lo"),
            pb.StreamGenerateResponse(finished=FINISHED),
        ]
    )
    failure: status_pb2.Status | None = None
    hang: bool = False
    calls: int = 0
    request: chat_pb2.ChatRequest | None = None
    metadata: dict[str, str | bytes] = field(default_factory=dict)
    time_left: float = 0.0
    broken_off: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, code: grpc.StatusCode, *details: Message) -> None:
        """From now on every call ends with this status, after the events of a stream."""
        number: int = code.value[0]
        self.failure = status_pb2.Status(code=number, message="it is so")
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            self.failure.details.append(packed)


Context = grpc.aio.ServicerContext[Message, Awaitable[Message]]


class Servicer(pb_grpc.InferenceServiceServicer):
    """Follows the script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def Generate(  # noqa: N802 - the name is the contract's
        self, request: pb.GenerateRequest, context: "Context"
    ) -> pb.GenerateResponse:
        await self._begin(request.chat, context)
        await self._fail_if_asked(context)
        message = chat_pb2.Message(
            role=chat_pb2.ROLE_ASSISTANT, parts=[chat_pb2.Part(text="Hello")]
        )
        return pb.GenerateResponse(choices=[pb.Choice(message=message)], finished=FINISHED)

    async def StreamGenerate(  # noqa: N802 - the name is the contract's
        self, request: pb.StreamGenerateRequest, context: "Context"
    ) -> AsyncIterator[pb.StreamGenerateResponse]:
        whole = False
        try:
            for event in self._script.events:
                yield event
            await self._begin(request.chat, context)
            await self._fail_if_asked(context)
            whole = True
        finally:
            if not whole:
                self._script.broken_off.set()

    async def CountTokens(  # noqa: N802 - the name is the contract's
        self, request: pb.CountTokensRequest, context: "Context"
    ) -> pb.CountTokensResponse:
        await self._begin(request.chat, context)
        await self._fail_if_asked(context)
        return pb.CountTokensResponse(input_tokens=7)

    async def ListModels(  # noqa: N802 - the name is the contract's
        self, request: pb.ListModelsRequest, context: "Context"
    ) -> pb.ListModelsResponse:
        await self._begin(None, context)
        await self._fail_if_asked(context)
        return pb.ListModelsResponse(models=[pb.ModelInfo(id="chat", kind="route")])

    async def _begin(self, chat: chat_pb2.ChatRequest | None, context: "Context") -> None:
        self._script.calls += 1
        self._script.request = chat
        self._script.metadata = dict(context.invocation_metadata() or ())
        self._script.time_left = context.time_remaining()
        if self._script.hang:
            await asyncio.Event().wait()

    async def _fail_if_asked(self, context: "Context") -> None:
        status = self._script.failure
        if status is not None:
            code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
            trailer = (("grpc-status-details-bin", status.SerializeToString()),)
            await context.abort(code, status.message, trailing_metadata=trailer)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def target(script: Script) -> AsyncIterator[str]:
    """The address of a server that follows the script."""
    server = grpc.aio.server()
    pb_grpc.add_InferenceServiceServicer_to_server(Servicer(script), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def ask_in_thread(target: str, question: str) -> Reply:
    with Client(target) as client:
        return client.generate(question, model="chat", temperature=0.0)


async def test_an_answer_has_its_facts(target: str, script: Script) -> None:
    reply = await asyncio.to_thread(ask_in_thread, target, "why?")

    assert reply.text == "Hello"
    assert (reply.served_by, reply.model) == ("local-llama", "llama")
    assert (reply.degradation, reply.finish_reason) == ("FALLBACK_TARGET", "STOP")
    assert (reply.cache_status, reply.cache_age) == ("UNSPECIFIED", None)
    assert [hop.target for hop in reply.hops] == ["cloud", "local-llama"]
    assert reply.tool_calls == ()
    assert reply.raw.finished == FINISHED
    assert script.request is not None
    assert script.request.messages[0] == user("why?")
    assert script.request.sampling.HasField("temperature")


async def test_both_clients_get_the_same_answer(target: str) -> None:
    async with aio.Client(target) as client:
        assert await client.generate("why?") == await asyncio.to_thread(
            ask_in_thread, target, "why?"
        )


async def test_a_stream_ends_with_the_whole_answer(target: str) -> None:
    async with aio.Client(target) as client, client.stream("why?") as stream:
        texts = [stream.text async for _ in stream]
        unary = await client.generate("why?")

    assert texts == ["", "Hel", "Hello", "Hello"]
    assert stream.reply == unary


async def test_a_thread_can_stream_too(target: str) -> None:
    def ask() -> tuple[list[str], Reply | None]:
        with Client(target) as client, client.stream("why?") as stream:
            return [stream.text for _ in stream], stream.reply

    texts, reply = await asyncio.to_thread(ask)

    assert texts == ["", "Hel", "Hello", "Hello"]
    assert reply is not None
    assert reply.text == "Hello"


async def test_the_other_methods_answer_too(target: str, script: Script) -> None:
    def ask() -> tuple[int, str]:
        with Client(target) as client:
            return client.count_tokens("why?").input_tokens, client.list_models()[0].id

    async with aio.Client(target) as client:
        tokens = (await client.count_tokens("why?")).input_tokens
        assert (tokens, (await client.list_models())[0].id) == (7, "chat")
    assert await asyncio.to_thread(ask) == (7, "chat")
    assert script.calls == 4


async def test_a_call_says_whom_it_is_from(target: str, script: Script) -> None:
    async with aio.Client(target, token="t0ken", tenant="acme") as client:
        await client.generate("why?")

    assert script.metadata["authorization"] == "Bearer t0ken"
    assert script.metadata["failsoft-tenant"] == "acme"


async def test_nobody_is_said_to_call_when_nobody_is_given(target: str, script: Script) -> None:
    async with aio.Client(target) as client:
        await client.generate("why?")

    assert not {"authorization", "failsoft-tenant"} & set(script.metadata)


async def test_every_call_has_a_deadline(target: str, script: Script) -> None:
    """The client's own, or the call's."""
    async with aio.Client(target) as client:
        await client.generate("why?")
        assert script.time_left == pytest.approx(120, abs=20)
        await client.generate("why?", timeout=30)
        assert script.time_left == pytest.approx(30, abs=4)
        async for _ in client.stream("why?", timeout=20):
            pass
        assert script.time_left == pytest.approx(20, abs=4)
        await client.list_models()
        assert script.time_left == pytest.approx(120, abs=20)


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("inf"), float("nan")])
def test_a_call_without_an_end_cannot_be_made(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        Client("127.0.0.1:1", timeout=timeout)


@pytest.fixture
def exhausted(script: Script) -> None:
    """Every call ends as a walk does that ends with nothing."""
    script.events = [text("Hel")]
    script.fail(
        grpc.StatusCode.UNAVAILABLE,
        error_details_pb2.ErrorInfo(
            reason="ROUTE_EXHAUSTED", domain="failsoft", metadata={"route": "chat"}
        ),
        error_details_pb2.RetryInfo(retry_delay={"seconds": 2, "nanos": 500_000_000}),
        error_details_pb2.RequestInfo(request_id="r1"),
        walk_pb2.WalkFailure(walk_id="w1", hops=FINISHED.hops[:1]),
    )


def assert_exhausted(error: FailsoftRpcError) -> None:
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "ROUTE_EXHAUSTED")
    assert error.message == "it is so"
    assert error.retry_after == 2.5
    assert error.request_id == "r1"
    assert error.metadata == {"route": "chat"}
    assert error.violations == ()
    assert [hop.target for hop in error.hops] == ["cloud"]
    assert error.walk is not None
    assert error.walk.walk_id == "w1"


@pytest.mark.usefixtures("exhausted")
async def test_a_failed_call_says_why_and_is_not_made_again(target: str, script: Script) -> None:
    """UNAVAILABLE is what gRPC libraries like to retry: it would be a second walk."""
    async with aio.Client(target) as client:
        with pytest.raises(FailsoftRpcError) as caught:
            await client.generate("why?")
    assert_exhausted(caught.value)
    assert script.calls == 1

    with pytest.raises(FailsoftRpcError) as caught:
        await asyncio.to_thread(ask_in_thread, target, "why?")
    assert_exhausted(caught.value)
    assert script.calls == 2


@pytest.mark.usefixtures("exhausted")
async def test_a_broken_stream_keeps_what_was_said(target: str) -> None:
    def ask() -> None:
        with Client(target) as client, client.stream("why?") as stream:
            try:
                for _ in stream:
                    pass
            finally:
                assert stream.text == "Hel"
                assert stream.reply is None

    with pytest.raises(FailsoftRpcError) as caught:
        await asyncio.to_thread(ask)
    assert_exhausted(caught.value)

    async with aio.Client(target) as client, client.stream("why?") as stream:
        with pytest.raises(FailsoftRpcError) as caught:
            async for _ in stream:
                pass
    assert_exhausted(caught.value)
    assert stream.text == "Hel"
    assert stream.reply is None


async def test_a_refused_request_names_its_fields(target: str, script: Script) -> None:
    wrong = error_details_pb2.BadRequest.FieldViolation(field="chat.messages", description="empty")
    script.fail(
        grpc.StatusCode.INVALID_ARGUMENT, error_details_pb2.BadRequest(field_violations=[wrong])
    )
    async with aio.Client(target) as client:
        with pytest.raises(FailsoftRpcError) as caught:
            await client.count_tokens([])

    assert caught.value.violations == (Violation("chat.messages", "empty"),)
    assert caught.value.hops == ()


async def test_nobody_there_is_an_error_like_any_other() -> None:
    """Its reason is empty, since Failsoft said nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with aio.Client(f"127.0.0.1:{port}") as client:
            with pytest.raises(FailsoftRpcError) as caught:
                await client.list_models()

    assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.UNAVAILABLE, "")


async def test_a_hanging_server_costs_the_timeout(target: str, script: Script) -> None:
    script.hang = True
    async with aio.Client(target, timeout=0.2) as client:
        with pytest.raises(FailsoftRpcError) as caught:
            await client.generate("why?")

    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_leaving_a_stream_early_stops_it_at_the_source(target: str, script: Script) -> None:
    """A model that goes on talking to nobody costs money."""
    script.hang = True
    async with aio.Client(target) as client:
        async with client.stream("why?") as stream:
            while stream.text != "Hello":
                await anext(stream)
        async with asyncio.timeout(5):
            await script.broken_off.wait()


async def test_a_thread_that_leaves_early_stops_it_too(target: str, script: Script) -> None:
    def ask() -> None:
        with Client(target) as client, client.stream("why?") as stream:
            while stream.text != "Hello":
                next(stream)

    script.hang = True
    await asyncio.to_thread(ask)
    async with asyncio.timeout(5):
        await script.broken_off.wait()


async def test_a_cancelled_stream_does_not_cancel_its_reader(target: str, script: Script) -> None:
    """The reader asked for the stream's end, not for its own."""
    script.hang = True
    async with aio.Client(target) as client, client.stream("why?") as stream:
        while stream.text != "Hello":
            await anext(stream)
        stream.cancel()
        with pytest.raises(FailsoftRpcError) as caught:
            async for _ in stream:
                pass

    assert caught.value.code is grpc.StatusCode.CANCELLED


async def test_a_cancelled_reader_is_cancelled(target: str, script: Script) -> None:
    script.hang = True
    reading = asyncio.Event()

    async def read() -> None:
        async with aio.Client(target) as client, client.stream("why?") as stream:
            async for _ in stream:
                if stream.text == "Hello":
                    reading.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await reading.wait()
        task.cancel()
    assert task.cancelled()
