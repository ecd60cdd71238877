"""What an InferenceService refuses, and how it says so."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

M = TypeVar("M", bound=Message)

pytestmark = pytest.mark.integration

SECONDS = 30.0
SERVICE = "/failsoft.inference.v1.InferenceService"
UNKNOWN = 99


def said(text: str, role: chat_pb2.Role.ValueType = chat_pb2.ROLE_USER) -> chat_pb2.Message:
    return chat_pb2.Message(role=role, parts=[chat_pb2.Part(text=text)])


@pytest.fixture
def chat(model: str) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(
        model=model, messages=[said("Say hello.")], sampling=chat_pb2.Sampling(max_tokens=4)
    )


async def call(stub: "Stub", method: str, chat: chat_pb2.ChatRequest | None) -> None:
    """Make the call; fails the test when a stream begins."""
    match method:
        case "Generate":
            await stub.Generate(pb.GenerateRequest(chat=chat), timeout=SECONDS)
        case "StreamGenerate":
            request = pb.StreamGenerateRequest(chat=chat)
            async for event in stub.StreamGenerate(request, timeout=SECONDS):
                pytest.fail(f"an event came first: {event.WhichOneof('event')}")
        case _:
            await stub.CountTokens(pb.CountTokensRequest(chat=chat), timeout=SECONDS)


async def refusal(
    stub: "Stub", method: str, chat: chat_pb2.ChatRequest | None
) -> grpc.aio.AioRpcError:
    """What the call ends with; fails when it is answered."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(stub, method, chat)
    return caught.value


def detail_of(error: grpc.aio.AioRpcError, kind: type[M]) -> M:
    """The detail of that type; fails when there is none."""
    trailers = dict(error.trailing_metadata() or ())
    raw = trailers["grpc-status-details-bin"]
    assert isinstance(raw, bytes)
    status = status_pb2.Status.FromString(raw)
    message = kind()
    assert [detail for detail in status.details if detail.Unpack(message)]
    return message


def fields(error: grpc.aio.AioRpcError) -> set[str]:
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail_of(error, error_details_pb2.ErrorInfo).reason == "INVALID_REQUEST"
    bad_request = detail_of(error, error_details_pb2.BadRequest)
    assert all(violation.description for violation in bad_request.field_violations)
    return {violation.field for violation in bad_request.field_violations}


def no_messages(chat: chat_pb2.ChatRequest) -> None:
    chat.ClearField("messages")


def many_messages(chat: chat_pb2.ChatRequest) -> None:
    chat.messages.extend([said("again")] * 512)


def no_parts(chat: chat_pb2.ChatRequest) -> None:
    chat.messages[0].ClearField("parts")


def an_empty_part(chat: chat_pb2.ChatRequest) -> None:
    chat.messages[0].parts.add()


def no_role(chat: chat_pb2.ChatRequest) -> None:
    chat.messages[0].ClearField("role")


def an_unknown_role(chat: chat_pb2.ChatRequest) -> None:
    chat.messages[0].role = chat_pb2.Role.ValueType(UNKNOWN)


def the_assistant_last(chat: chat_pb2.ChatRequest) -> None:
    chat.messages.append(said("Hello!", chat_pb2.ROLE_ASSISTANT))


def a_negative_temperature(chat: chat_pb2.ChatRequest) -> None:
    chat.sampling.temperature = -0.5


def a_temperature_that_is_no_number(chat: chat_pb2.ChatRequest) -> None:
    chat.sampling.temperature = float("nan")


def no_tokens(chat: chat_pb2.ChatRequest) -> None:
    chat.sampling.max_tokens = 0


def huge_tokens(chat: chat_pb2.ChatRequest) -> None:
    chat.sampling.max_tokens = 4_000_000_000


def an_empty_stop(chat: chat_pb2.ChatRequest) -> None:
    chat.sampling.stop.append("")


def a_long_model(chat: chat_pb2.ChatRequest) -> None:
    chat.model = "m" * 257


def an_id_with_spaces(chat: chat_pb2.ChatRequest) -> None:
    chat.request_id = "not an id"


def an_unknown_criticality(chat: chat_pb2.ChatRequest) -> None:
    chat.criticality = chat_pb2.Criticality.ValueType(UNKNOWN)


def a_broken_schema(chat: chat_pb2.ChatRequest) -> None:
    chat.tools.add(name="add", parameters_json="{")


BROKEN: list[tuple[Callable[[chat_pb2.ChatRequest], None], str]] = [
    (no_messages, "chat.messages"),
    (many_messages, "chat.messages"),
    (no_parts, "chat.messages[0].parts"),
    (an_empty_part, "chat.messages[0].parts[1]"),
    (no_role, "chat.messages[0].role"),
    (an_unknown_role, "chat.messages[0].role"),
    (the_assistant_last, "chat.messages[1].role"),
    (a_negative_temperature, "chat.sampling.temperature"),
    (a_temperature_that_is_no_number, "chat.sampling.temperature"),
    (no_tokens, "chat.sampling.max_tokens"),
    (huge_tokens, "chat.sampling.max_tokens"),
    (an_empty_stop, "chat.sampling.stop[0]"),
    (a_long_model, "chat.model"),
    (an_id_with_spaces, "chat.request_id"),
    (an_unknown_criticality, "chat.criticality"),
    (a_broken_schema, "chat.tools[0].parameters_json"),
]
METHODS = ["Generate", "StreamGenerate", "CountTokens"]


@pytest.mark.parametrize(("spoil", "field"), BROKEN, ids=[spoil.__name__ for spoil, _ in BROKEN])
async def test_a_broken_request_is_refused_with_its_field(
    stub: "Stub",
    chat: chat_pb2.ChatRequest,
    spoil: Callable[[chat_pb2.ChatRequest], None],
    field: str,
) -> None:
    spoil(chat)

    for method in METHODS:
        assert fields(await refusal(stub, method, chat)) == {field}


async def test_all_mistakes_are_told_at_once(stub: "Stub", chat: chat_pb2.ChatRequest) -> None:
    chat.model = "m" * 257
    chat.messages[0].role = chat_pb2.Role.ValueType(UNKNOWN)
    chat.sampling.temperature = 3

    assert fields(await refusal(stub, "Generate", chat)) == {
        "chat.model",
        "chat.messages[0].role",
        "chat.sampling.temperature",
    }


@pytest.mark.parametrize("method", METHODS)
async def test_a_missing_conversation_is_refused(stub: "Stub", method: str) -> None:
    assert fields(await refusal(stub, method, None)) == {"chat"}


@pytest.mark.parametrize("method", METHODS)
async def test_an_unknown_model_is_not_found_unless_there_is_a_default(
    stub: "Stub", chat: chat_pb2.ChatRequest, method: str
) -> None:
    models = (await stub.ListModels(pb.ListModelsRequest(), timeout=SECONDS)).models
    default = next((model for model in models if model.is_default), None)
    if default is not None and default.kind == "route":
        pytest.skip("this implementation has a default route, which answers to any name")
    for name in ("no-such-model",) if default else ("no-such-model", ""):
        chat.model = name
        error = await refusal(stub, method, chat)

        assert error.code() is grpc.StatusCode.NOT_FOUND
        info = detail_of(error, error_details_pb2.ErrorInfo)
        assert (info.domain, info.reason) == ("failsoft", "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "body",
    [b"\x0a\x04\x0a\x02\xc3\x28", b"\xff\xff\xff"],
    ids=["text that is not UTF-8", "bytes that are no message"],
)
async def test_a_body_that_cannot_be_read_is_the_caller_s_fault(
    channel: grpc.aio.Channel, method: str, body: bytes
) -> None:
    error = await raw_refusal(channel, method, body)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail_of(error, error_details_pb2.ErrorInfo).reason == "INVALID_REQUEST"


@pytest.mark.parametrize("method", METHODS)
async def test_a_body_over_8_mib_is_refused(channel: grpc.aio.Channel, method: str) -> None:
    text = "x" * (9 * 1024 * 1024)
    chat = chat_pb2.ChatRequest(messages=[said(text)])
    body = pb.GenerateRequest(chat=chat).SerializeToString()

    assert (await raw_refusal(channel, method, body)).code() is (grpc.StatusCode.RESOURCE_EXHAUSTED)


async def raw_call(channel: grpc.aio.Channel, method: str, body: bytes) -> None:
    """Make a call with these bytes, which no generated code would send."""
    path = f"{SERVICE}/{method}"
    if method == "StreamGenerate":
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(path)
        async for _ in stream(body, timeout=SECONDS):
            pytest.fail("an event came first")
    else:
        unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        await unary(body, timeout=SECONDS)


async def raw_refusal(channel: grpc.aio.Channel, method: str, body: bytes) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw_call(channel, method, body)
    return caught.value
