"""What the codec for Gemini writes and reads holds against a look-alike as strict as Gemini."""

from contextlib import aclosing

import orjson
import pytest
from chat_requests import said

from failsoft_kit.clock import SystemClock
from failsoft_kit.telemetry import SpanContext
from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_model.events import Delta
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.adapters.http_target import HttpTarget
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.ports import AttemptFailed, Ending, TargetCall
from failsoft_router.wire.gemini.codec import GeminiCodec
from failsoft_upstream import Options, Upstream, faults
from failsoft_upstream import running as upstream_running
from failsoft_upstream.faults import ErrorKind, HintForm

pytestmark = pytest.mark.integration

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}}'


class Key:
    """A credential that is there."""

    def __init__(self, value: str) -> None:
        self._value = value

    def value(self) -> str | None:
        return self._value


def asking(*messages: Message, **fields: object) -> ChatRequest:
    hi = said(Role.USER, Text(text="What is soft?"))
    return ChatRequest(model="chat", messages=messages or (hi,), **fields)  # type: ignore[arg-type]


async def answer(
    upstream: Upstream,
    request: ChatRequest,
    *,
    model: str = "gemini-2.5-flash",
    key: Key | None = None,
) -> tuple[str, Ending]:
    """What the target says to a request, and how it ends."""
    policy = TargetPolicy(
        name="a",
        provider=Provider.GEMINI,
        model=model,
        endpoint=upstream.gemini_url,
        allow_private=True,
    )
    call = TargetCall(
        request=request,
        attempt_id="walk/1/1",
        tenant="acme",
        span=SpanContext(trace_id=1, span_id=2, sampled=True),
        connect=1.0,
        total=10.0,
    )
    target = HttpTarget(policy, codec=GeminiCodec(model=model), credential=key, clock=SystemClock())
    try:
        async with aclosing(target.stream(call)) as pieces:
            *deltas, ending = [piece async for piece in pieces]
    finally:
        await target.close()
    assert isinstance(ending, Ending)
    return "".join(delta.text for delta in deltas if isinstance(delta, Delta)), ending


CONVERSATION = (
    said(Role.SYSTEM, Text(text="Be brief.")),
    said(Role.USER, Text(text="Look."), Image(data=b"\x89PNG", mime_type="image/png")),
    said(Role.ASSISTANT, Text(text=""), Text(text="I see.")),
    said(Role.USER, Image(url="https://x.example/a.jpg"), Text(text="And this?")),
    said(
        Role.ASSISTANT,
        ToolCall(id="toolu_1", name="look", arguments_json='{"at": 1}'),
        ToolCall(id="call_2", name="ask", arguments_json="{}"),
    ),
    said(Role.TOOL, ToolResult(tool_call_id="toolu_1", content="")),
    said(Role.TOOL, ToolResult(tool_call_id="call_2", content="no", is_error=True)),
    said(Role.USER, Text(text="So?")),
)
SAMPLING = Sampling(
    temperature=0.5,
    top_p=0.5,
    top_k=5,
    max_tokens=50,
    stop=tuple("@$%^&*~"),
    seed=2**40,
    presence_penalty=0.5,
    frequency_penalty=0.5,
)
LOOK = Tool(name="look", parameters_json=SCHEMA)
REQUESTS = {
    "a question": asking(),
    "a long conversation": asking(*CONVERSATION, sampling=SAMPLING),
    "tools": asking(tools=(LOOK,)),
    "no tools": asking(tools=(LOOK,), tool_choice=ToolChoice(mode=ToolChoiceMode.NONE)),
    "any tool": asking(tools=(LOOK,), tool_choice=ToolChoice(mode=ToolChoiceMode.REQUIRED)),
    "this tool": asking(
        tools=(LOOK,), tool_choice=ToolChoice(mode=ToolChoiceMode.NAMED, name="look")
    ),
    "JSON": asking(response_format=ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)),
    "a schema": asking(
        response_format=ResponseFormat(
            kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json=SCHEMA
        )
    ),
    "a choice": asking(
        response_format=ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("a", "b"))
    ),
    "probabilities": asking(sampling=Sampling(logprobs=True, top_logprobs=3)),
    "more of an answer": asking(continue_from="Once"),
}


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-pro"])
@pytest.mark.parametrize("asked", [pytest.param(each, id=name) for name, each in REQUESTS.items()])
async def test_every_request_is_taken_by_every_generation(asked: ChatRequest, model: str) -> None:
    async with upstream_running() as upstream:
        text, ending = await answer(upstream, asked, model=model)

    assert text
    assert ending.model == model
    assert ending.usage is not None
    assert ending.usage.output_tokens > 0


async def test_what_was_cut_is_told_with_the_answer() -> None:
    async with upstream_running() as upstream:
        _, ending = await answer(upstream, asking(*CONVERSATION, sampling=SAMPLING))

    assert ending.dropped_parameters == ("sampling.stop", "sampling.seed")


async def test_a_limit_of_tokens_is_a_finish_reason() -> None:
    async with upstream_running() as upstream:
        _, ending = await answer(upstream, asking(sampling=Sampling(max_tokens=2)))

    assert ending.finish_reason is FinishReason.LENGTH


async def test_the_key_is_shown_in_its_header_alone() -> None:
    async with upstream_running(Options(api_key="right")) as upstream:
        await answer(upstream, asking(), key=Key("right"))
        with pytest.raises(AttemptFailed) as failed:
            await answer(upstream, asking(), key=Key("wrong"))
        received = upstream.received[0]

    assert failed.value.error_class is ErrorClass.CREDENTIAL
    assert received.headers["x-goog-api-key"] == "right"
    assert "authorization" not in received.headers
    assert b"right" not in received.body
    assert orjson.loads(received.body)["contents"]


@pytest.mark.parametrize(
    "error", [ErrorKind.RATE_LIMIT_EXCEEDED, ErrorKind.INSUFFICIENT_QUOTA], ids=lambda e: e.value
)
async def test_a_delay_in_the_body_reaches_the_gates(error: ErrorKind) -> None:
    async with upstream_running() as upstream:
        await upstream.set_fault(
            faults.ProviderError(error=error, retry_after=42.5, form=HintForm.RESET)
        )
        with pytest.raises(AttemptFailed) as failed:
            await answer(upstream, asking())

    assert failed.value.retry_after == 42.5
