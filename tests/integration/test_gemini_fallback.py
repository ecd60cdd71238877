"""A conversation that began at another provider goes on at Gemini, tools and all."""

from collections.abc import Mapping

import orjson
import pytest
from router_under_test import Router, StartRouter, hop_words, openai_target

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_upstream import Upstream, faults
from failsoft_upstream.faults import ErrorKind

pytestmark = pytest.mark.integration

MODEL = "gemini-3-flash-preview"
SCHEMA = '{"type":"object","properties":{"place":{"type":"string"}}}'
ENVIRON = {"GEMINI_API_KEY": "a-key"}


def policy(first: Upstream, second: Upstream) -> Mapping[str, object]:
    """OpenAI, then Gemini."""
    capabilities = {"capabilities": ["tools", "json_schema"]}
    return {
        "targets": {
            "openai": openai_target(first, **capabilities),
            "gemini": openai_target(
                second,
                provider="gemini",
                model=MODEL,
                endpoint=second.gemini_url,
                credential={"env": "GEMINI_API_KEY"},
                **capabilities,
            ),
        },
        "routes": {"chat": {"default": True, "hops": ["openai", "gemini", "mock"]}},
        "tenants": {"default": {"allow_mock": True}},
    }


@pytest.fixture
async def router(start_router: StartRouter, first: Upstream, second: Upstream) -> Router:
    return await start_router(policy(first, second), environ=ENVIRON)


def conversation() -> chat_pb2.ChatRequest:
    """A system's words, a tool that was called and one that may be."""
    call = chat_pb2.ToolCall(id="call_1", name="weather", arguments_json='{"place":"Bern"}')
    result = chat_pb2.ToolResult(tool_call_id="call_1", content="sun")
    turns = (
        (chat_pb2.ROLE_SYSTEM, chat_pb2.Part(text="Be brief.")),
        (chat_pb2.ROLE_USER, chat_pb2.Part(text="And in Bern?")),
        (chat_pb2.ROLE_ASSISTANT, chat_pb2.Part(tool_call=call)),
        (chat_pb2.ROLE_TOOL, chat_pb2.Part(tool_result=result)),
    )
    return chat_pb2.ChatRequest(
        messages=[chat_pb2.Message(role=role, parts=[part]) for role, part in turns],
        tools=[chat_pb2.Tool(name="weather", parameters_json=SCHEMA)],
    )


async def test_openai_outage_is_answered_by_gemini(
    router: Router, first: Upstream, second: Upstream
) -> None:
    await first.set_fault(faults.Status(status=503))

    reply = await router.stub.Generate(pb.GenerateRequest(chat=conversation()))

    assert hop_words(reply.finished.hops) == [
        ("openai", "FAILED", "TRANSIENT"),
        ("gemini", "SERVED", ""),
    ]
    assert reply.finished.model == MODEL
    assert reply.finished.usage.output_tokens > 0
    told = second.received[0]
    body = orjson.loads(told.body)
    assert told.path == f"/v1beta/models/{MODEL}:streamGenerateContent"
    assert told.headers["x-goog-api-key"] == "a-key"
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    call, result = body["contents"][1]["parts"][0], body["contents"][2]["parts"][0]
    assert call["functionCall"]["args"] == {"place": "Bern"}
    assert result["functionResponse"]["name"] == "weather"


async def test_openai_cut_in_mid_answer_is_answered_by_gemini_in_a_stream(
    router: Router, first: Upstream
) -> None:
    await first.set_fault(faults.Cut(after=2))

    streamed = await router.stream()

    assert hop_words(streamed.finished.hops)[0] == ("openai", "FAILED", "TRUNCATED")
    assert MODEL in streamed.text
    assert "gpt-5-mini" not in streamed.text


async def test_without_a_key_for_gemini_its_hop_is_skipped(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    router = await start_router(policy(first, second))
    await first.set_fault(faults.Status(status=503))

    reply = await router.ask()

    assert hop_words(reply.finished.hops)[1] == ("gemini", "SKIPPED", "NO_CREDENTIAL")
    assert len(second.received) == 0


async def test_a_check_tells_geminis_bad_key_from_an_empty_account(
    router: Router, second: Upstream
) -> None:
    """A bad key is a 400 there, which is a caller's fault anywhere else."""

    async def check() -> str:
        reply = await router.admin.CheckTarget(admin_pb.CheckTargetRequest(target="gemini"))
        return admin_pb.CheckResult.Name(reply.result).removeprefix("CHECK_RESULT_")

    found = [await check()]
    for error in (
        ErrorKind.INVALID_API_KEY,
        ErrorKind.INSUFFICIENT_QUOTA,
        ErrorKind.MODEL_NOT_FOUND,
    ):
        await second.set_fault(faults.ProviderError(error=error))
        found.append(await check())

    assert found == ["OK", "BAD_CREDENTIAL", "NO_QUOTA", "UNKNOWN_MODEL"]
