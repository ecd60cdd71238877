"""An outage of the provider that was asked is answered by another one, in another dialect."""

from collections.abc import AsyncIterator, Mapping, Sequence

import orjson
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from openai_client import client_of, failsoft_of, text_of
from pydantic import BaseModel
from router_under_test import Router, StartRouter, hop_words, openai_target

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_upstream import Upstream, faults
from failsoft_upstream.faults import ErrorKind, Fault

pytestmark = pytest.mark.integration

GPT = "gpt-5-mini"
CLAUDE = "claude-haiku-4-5"
SCHEMA = '{"type":"object","properties":{"place":{"type":"string"}}}'

OUTAGES = pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(faults.Refuse(), "TRANSIENT", id="refuses"),
        pytest.param(faults.Hang(), "TIMEOUT_FIRST_CONTENT", id="hangs"),
        pytest.param(faults.Status(status=503), "TRANSIENT", id="503"),
        pytest.param(faults.Cut(after=2), "TRUNCATED", id="cut"),
        pytest.param(
            faults.ProviderError(error=ErrorKind.INSUFFICIENT_QUOTA), "QUOTA", id="no money"
        ),
    ],
)


@pytest.fixture
async def router(start_router: StartRouter, first: Upstream, second: Upstream) -> Router:
    """OpenAI, then Anthropic, then a mock."""
    capabilities = {"capabilities": ["tools", "json_schema"]}
    targets = {
        "openai": openai_target(first, limits={"first_content": "2s"}, **capabilities),
        "anthropic": openai_target(
            second,
            provider="anthropic",
            model=CLAUDE,
            credential={"env": "ANTHROPIC_API_KEY"},
            **capabilities,
        ),
    }
    policy = {
        "targets": targets,
        "routes": {"chat": {"default": True, "hops": ["openai", "anthropic", "mock"]}},
        "tenants": {"default": {"allow_mock": True}},
    }
    return await start_router(policy, environ={"ANTHROPIC_API_KEY": "a-key"})


def conversation() -> Mapping[str, object]:
    """A system's words, a tool that was called and one that may be, a schema."""
    tool = chat_pb2.Tool(name="weather", parameters_json=SCHEMA)
    call = chat_pb2.ToolCall(id="call_1", name="weather", arguments_json='{"place":"Bern"}')
    result = chat_pb2.ToolResult(tool_call_id="call_1", content="sun")
    turns = (
        (chat_pb2.ROLE_SYSTEM, chat_pb2.Part(text="Be brief.")),
        (chat_pb2.ROLE_USER, chat_pb2.Part(text="And in Bern?")),
        (chat_pb2.ROLE_ASSISTANT, chat_pb2.Part(tool_call=call)),
        (chat_pb2.ROLE_TOOL, chat_pb2.Part(tool_result=result)),
    )
    return {
        "messages": [chat_pb2.Message(role=role, parts=[part]) for role, part in turns],
        "tools": [tool],
    }


@pytest.fixture
async def client(router: Router) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(router) as client:
        yield client


def over_http() -> Sequence[ChatCompletionMessageParam]:
    """The messages of `conversation`, as OpenAI's clients say them."""
    function = {"name": "weather", "arguments": '{"place":"Bern"}'}
    call = {"id": "call_1", "type": "function", "function": function}
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "And in Bern?"},
        {"role": "assistant", "tool_calls": [call]},  # type: ignore[list-item] # a plain dict
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
    ]


def weather() -> ChatCompletionToolParam:
    """The tool of `conversation`."""
    parameters = orjson.loads(SCHEMA)
    return {"type": "function", "function": {"name": "weather", "parameters": parameters}}


def http_hop_words(told: BaseModel) -> list[tuple[str, str, str | None]]:
    """Each hop as its target, its outcome and its error."""
    hops = failsoft_of(told)["hops"]
    assert isinstance(hops, list)
    return [(hop["target"], hop["outcome"], hop["error_class"]) for hop in hops]


def assert_told_in_anthropics_dialect(second: Upstream) -> None:
    """All of `conversation`, under a key of its own."""
    told = second.received[0]
    body = orjson.loads(told.body)
    assert told.headers["x-api-key"] == "a-key"
    assert body["system"] == "Be brief."
    assert body["tools"][0]["input_schema"] == orjson.loads(SCHEMA)
    assert body["messages"][1]["content"][0]["input"] == {"place": "Bern"}
    assert body["messages"][2]["content"][0]["content"] == "sun"


@OUTAGES
async def test_openai_outage_is_answered_by_anthropic(
    router: Router, first: Upstream, second: Upstream, fault: Fault, error: str
) -> None:
    await first.set_fault(fault)
    request = chat_pb2.ChatRequest(**conversation())  # type: ignore[arg-type]

    reply = await router.stub.Generate(pb.GenerateRequest(chat=request))

    assert hop_words(reply.finished.hops) == [
        ("openai", "FAILED", error),
        ("anthropic", "SERVED", ""),
    ]
    assert reply.finished.model == CLAUDE
    assert reply.finished.degradation == chat_pb2.DEGRADATION_FALLBACK_TARGET
    assert reply.finished.usage.output_tokens > 0
    assert_told_in_anthropics_dialect(second)


@OUTAGES
async def test_openai_outage_is_answered_by_anthropic_in_a_stream(
    router: Router, first: Upstream, fault: Fault, error: str
) -> None:
    await first.set_fault(fault)

    streamed = await router.stream()

    assert hop_words(streamed.finished.hops) == [
        ("openai", "FAILED", error),
        ("anthropic", "SERVED", ""),
    ]
    assert CLAUDE in streamed.text
    assert GPT not in streamed.text


@OUTAGES
async def test_openai_outage_is_answered_by_anthropic_over_http(
    client: AsyncOpenAI, first: Upstream, second: Upstream, fault: Fault, error: str
) -> None:
    await first.set_fault(fault)

    completion = await client.chat.completions.create(
        model=GPT, messages=over_http(), tools=[weather()]
    )

    assert http_hop_words(completion) == [
        ("openai", "failed", error.lower()),
        ("anthropic", "served", None),
    ]
    assert completion.model == CLAUDE
    assert CLAUDE in (completion.choices[0].message.content or "")
    assert failsoft_of(completion)["degradation"] == "fallback_target"
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0
    assert_told_in_anthropics_dialect(second)


@OUTAGES
async def test_openai_outage_is_answered_by_anthropic_over_http_in_a_stream(
    client: AsyncOpenAI, first: Upstream, second: Upstream, fault: Fault, error: str
) -> None:
    await first.set_fault(fault)

    stream = await client.chat.completions.create(
        model=GPT, messages=over_http(), tools=[weather()], stream=True
    )
    chunks = [chunk async for chunk in stream]

    assert http_hop_words(chunks[-1]) == [
        ("openai", "failed", error.lower()),
        ("anthropic", "served", None),
    ]
    assert CLAUDE in text_of(chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert_told_in_anthropics_dialect(second)


async def test_all_providers_out_is_answered_by_mock(
    router: Router, first: Upstream, second: Upstream
) -> None:
    for upstream in (first, second):
        await upstream.set_fault(faults.ProviderError(error=ErrorKind.OVERLOADED))

    unary, streamed = await router.ask(), await router.stream()

    for finished in (unary.finished, streamed.finished):
        assert finished.served_by == "mock"
        assert finished.degradation == chat_pb2.DEGRADATION_MOCK


async def test_all_providers_out_is_answered_by_mock_over_http(
    client: AsyncOpenAI, first: Upstream, second: Upstream
) -> None:
    for upstream in (first, second):
        await upstream.set_fault(faults.ProviderError(error=ErrorKind.OVERLOADED))

    completion = await client.chat.completions.create(model=GPT, messages=over_http())
    stream = await client.chat.completions.create(model=GPT, messages=over_http(), stream=True)
    chunks = [chunk async for chunk in stream]

    for last in (completion, chunks[-1]):
        assert (failsoft_of(last)["served_by"], failsoft_of(last)["degradation"]) == (
            "mock",
            "mock",
        )
    assert completion.choices[0].message.content
    assert text_of(chunks)


async def test_a_check_tells_anthropics_bad_key_from_no_network(
    router: Router, second: Upstream
) -> None:
    async def check() -> str:
        reply = await router.admin.CheckTarget(admin_pb.CheckTargetRequest(target="anthropic"))
        return admin_pb.CheckResult.Name(reply.result)

    well = await check()
    await second.set_fault(faults.ProviderError(error=ErrorKind.INVALID_API_KEY))
    bad_key = await check()
    await second.set_fault(faults.ProviderError(error=ErrorKind.INSUFFICIENT_QUOTA))
    no_money = await check()
    await second.set_fault(faults.Refuse())
    no_network = await check()

    assert (well, bad_key) == ("CHECK_RESULT_OK", "CHECK_RESULT_BAD_CREDENTIAL")
    assert (no_money, no_network) == ("CHECK_RESULT_NO_QUOTA", "CHECK_RESULT_NO_NETWORK")
