"""What the codec for Messages writes and reads holds against a look-alike as strict as they are."""

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
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.adapters.http_target import HttpTarget
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.ports import AttemptFailed, Ending, TargetCall
from failsoft_router.wire.anthropic.codec import AnthropicCodec
from failsoft_upstream import Options, Upstream, faults
from failsoft_upstream import running as upstream_running
from failsoft_upstream.faults import ErrorKind, HintForm

pytestmark = pytest.mark.integration

MODEL = "claude-haiku-4-5"
BOUNDED = '{"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}'


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
    upstream: Upstream, request: ChatRequest, *, key: Key | None = None
) -> tuple[str, Ending]:
    """What the target says to a request, and how it ends."""
    policy = TargetPolicy(
        name="a",
        provider=Provider.ANTHROPIC,
        model=MODEL,
        endpoint=upstream.base_url,
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
    codec = AnthropicCodec(model=MODEL, context_tokens=200_000)
    target = HttpTarget(policy, codec=codec, credential=key, clock=SystemClock())
    try:
        async with aclosing(target.stream(call)) as pieces:
            *deltas, ending = [piece async for piece in pieces]
    finally:
        await target.close()
    assert isinstance(ending, Ending)
    return "".join(delta.text for delta in deltas if isinstance(delta, Delta)), ending


async def refused(upstream: Upstream, request: ChatRequest | None = None) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as failed:
        await answer(upstream, request or asking())
    return failed.value


CONVERSATION = (
    said(Role.SYSTEM, Text(text="Be brief.")),
    said(Role.USER, Text(text="Look."), Image(data=b"\x89PNG", mime_type="image/png")),
    said(Role.ASSISTANT, Text(text=""), Text(text="I see.")),
    said(Role.USER, Image(url="https://x.example/a.jpg"), Text(text="And this?")),
    said(
        Role.ASSISTANT,
        ToolCall(id="call_1", name="look", arguments_json='{"at": 1}'),
        ToolCall(id="functions.ask:1", name="ask", arguments_json="{}"),
    ),
    said(Role.TOOL, ToolResult(tool_call_id="call_1", content="")),
    said(Role.TOOL, ToolResult(tool_call_id="functions.ask:1", content="", is_error=True)),
    said(Role.SYSTEM, Text(text="Be kind.")),
    said(Role.USER, Text(text="So?")),
)
TOOLS = (
    Tool(name="look", description="Looks.", parameters_json=BOUNDED),
    Tool(name="ask"),
)


async def test_everything_that_can_be_asked_for_is_taken() -> None:
    """The look-alike refuses what Anthropic refuses."""
    asked = asking(
        *CONVERSATION,
        tools=TOOLS,
        tool_choice=ToolChoice(mode=ToolChoiceMode.NAMED, name="look"),
        sampling=Sampling(
            temperature=1.5,
            top_p=0.5,
            top_k=5,
            max_tokens=1_000,
            stop=("\n", "NEVER"),
            seed=3,
            presence_penalty=0.5,
            frequency_penalty=0.5,
        ),
        response_format=ResponseFormat(
            kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json=BOUNDED
        ),
    )
    async with upstream_running() as upstream:
        text, ending = await answer(upstream, asked)

    assert isinstance(orjson.loads(text), dict)
    assert ending.finish_reason is FinishReason.STOP
    assert ending.model == MODEL
    assert set(ending.dropped_parameters) == {
        "sampling.temperature",
        "sampling.top_p",
        "sampling.seed",
        "sampling.presence_penalty",
        "sampling.frequency_penalty",
        "sampling.stop",
        "messages[7].role",
        "response_format.schema_json",
    }


@pytest.mark.parametrize("mode", [mode for mode in ToolChoiceMode if mode.value != "named"])
async def test_each_choice_of_tools_is_taken(mode: ToolChoiceMode) -> None:
    async with upstream_running() as upstream:
        text, _ = await answer(upstream, asking(tools=TOOLS, tool_choice=ToolChoice(mode=mode)))

    assert text


async def test_an_answer_can_be_continued_from_blank_space() -> None:
    async with upstream_running() as upstream:
        text, ending = await answer(upstream, asking(continue_from="Once upon "))

    assert text
    assert ending.dropped_parameters == ("continue_from",)


async def test_the_callers_limit_and_stops_are_obeyed() -> None:
    async with upstream_running() as upstream:
        cut = await answer(upstream, asking(sampling=Sampling(max_tokens=2)))
        stopped = await answer(upstream, asking(sampling=Sampling(stop=("What",))))

    assert cut[0] == "You asked"
    assert cut[1].finish_reason is FinishReason.LENGTH
    assert cut[1].usage == Usage(input_tokens=7, output_tokens=2)
    assert stopped[0] == "You asked: “"


async def test_the_key_is_shown_in_anthropics_own_header() -> None:
    async with upstream_running(Options(api_key="a-key")) as upstream:
        text, _ = await answer(upstream, asking(), key=Key("a-key"))
        headers = upstream.received[0].headers
        wrong = await refused(upstream)

    assert text
    assert headers["x-api-key"] == "a-key"
    assert headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in headers
    assert wrong.error_class is ErrorClass.CREDENTIAL


CLASSES = {
    ErrorKind.INVALID_API_KEY: ErrorClass.CREDENTIAL,
    ErrorKind.FORBIDDEN: ErrorClass.MODEL_GONE,
    ErrorKind.UNSUPPORTED_REGION: ErrorClass.REGION,
    ErrorKind.MODEL_NOT_FOUND: ErrorClass.MODEL_GONE,
    ErrorKind.CONTEXT_LENGTH_EXCEEDED: ErrorClass.CONTEXT_LENGTH,
    ErrorKind.CONTENT_FILTER: ErrorClass.CONTENT_FILTER,
    ErrorKind.RATE_LIMIT_EXCEEDED: ErrorClass.RATE_LIMITED,
    ErrorKind.INSUFFICIENT_QUOTA: ErrorClass.QUOTA,
    ErrorKind.SERVER_ERROR: ErrorClass.TRANSIENT,
    ErrorKind.OVERLOADED: ErrorClass.TRANSIENT,
}


@pytest.mark.parametrize("kind", ErrorKind)
async def test_each_error_has_its_class_in_a_reply_and_in_a_stream(kind: ErrorKind) -> None:
    async with upstream_running() as upstream:
        await upstream.set_fault(faults.ProviderError(error=kind))
        replied = await refused(upstream)
        await upstream.set_fault(faults.StreamError(after=1, error=kind))
        inside = await refused(upstream)

    assert replied.error_class is CLASSES[kind]
    assert inside.error_class is CLASSES[kind]
    assert inside.http_status == 200


@pytest.mark.parametrize("form", HintForm)
async def test_each_form_of_a_hint_is_read(form: HintForm) -> None:
    fault = faults.ProviderError(error=ErrorKind.RATE_LIMIT_EXCEEDED, retry_after=20.0, form=form)
    async with upstream_running() as upstream:
        await upstream.set_fault(fault)
        failure = await refused(upstream)

    assert failure.retry_after is not None
    assert 15.0 < failure.retry_after < 22.0


async def test_what_has_no_words_there_is_never_sent() -> None:
    form = ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)
    async with upstream_running() as upstream:
        failure = await refused(upstream, asking(response_format=form))

        assert failure.error_class is ErrorClass.UNSUPPORTED
        assert not failure.sent
        assert len(upstream.received) == 0


async def test_a_stream_of_another_api_is_told_from_messages() -> None:
    async with upstream_running() as upstream:
        await upstream.set_fault(
            faults.Status(
                status=200,
                body="data: " + orjson.dumps({"choices": []}).decode() + "\n\n",
                headers={"content-type": "text/event-stream"},
            )
        )
        other = await refused(upstream)
        await upstream.set_fault(faults.Status(status=200, body="<html>"))
        page = await refused(upstream)

    assert other.error_class is ErrorClass.TRUNCATED
    assert page.error_class is ErrorClass.MALFORMED
    assert "Anthropic's Messages API" in page.detail
