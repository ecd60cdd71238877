"""What people ask, what they are told and what it is paid with: none of it is written down."""

import io
import logging
from collections.abc import Iterator

import grpc
import pytest
import structlog
from router_under_test import QUICK_TO_NOTICE, Router, StartRouter, chat, two_hops

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit import logs
from failsoft_upstream import Options, faults
from failsoft_upstream import running as upstream_running
from failsoft_upstream.faults import Fault

pytestmark = pytest.mark.integration

PROMPT = "canary-of-the-prompt"
ANSWER = "canary-of-the-answer"
KEY = "canary-of-the-key"
CANARIES = (PROMPT, ANSWER, KEY)

EVENTS = {"content-type": "text/event-stream"}
SAID = f'data: {{"choices":[{{"delta":{{"content":"{ANSWER}"}}}}]}}\n\n'
STOP = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
QUOTED = f'{{"error": {{"message": "{PROMPT} {ANSWER} {KEY}", "code": "%s"}}}}'

EVERY_END = {
    "an answer": faults.Status(status=200, headers=EVENTS, body=SAID + STOP),
    "a cut": faults.Status(status=200, headers=EVENTS, body=SAID),
    "no JSON": faults.Status(status=200, headers=EVENTS, body=f"{SAID}data: {ANSWER}\n\n"),
    "no stream": faults.Status(status=200, body=QUOTED % "x"),
    "an error in the stream": faults.Status(
        status=200, headers=EVENTS, body=f"{SAID}data: {QUOTED % 'server_error'}\n\n"
    ),
    "the caller's fault": faults.Status(status=400, body=QUOTED % "invalid_value"),
    "a refused key": faults.Status(status=401, body=QUOTED % "invalid_api_key"),
    "a content refusal": faults.Status(status=400, body=QUOTED % "content_filter"),
    "a redirect": faults.Status(status=302, headers={"location": f"http://{KEY}.invalid/"}),
    "a bare error": faults.Status(status=500, body=f"{PROMPT} {ANSWER} {KEY}"),
    "a hang": faults.Hang(),
    "a reset": faults.Reset(after=1),
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, from debug on."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    settings = logs.LogSettings(level=logs.Level.DEBUG, form=logs.Form.JSON)
    logs.configure(settings, service="test", trace=lambda: None, stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("end", [pytest.param(each, id=name) for name, each in EVERY_END.items()])
async def test_no_word_of_anybody_is_written_down(
    start_router: StartRouter, cache: str, log: io.StringIO, end: Fault
) -> None:
    async with upstream_running(Options(api_key=KEY)) as first:
        policy = two_hops(
            first,
            first,
            credential={"env": "KEY"},
            limits=QUICK_TO_NOTICE["TIMEOUT_FIRST_CONTENT"],
        )
        policy["routes"] = {"chat": {"default": True, "hops": ["first", "cache"]}}
        router = await start_router(policy, cache=cache, environ={"KEY": KEY})
        await first.set_fault(end)

        errors = [await asked(router), await streamed(router), await refused(router)]

        received = first.received[0]
    written = "\n".join((log.getvalue(), *errors, *map(repr, router.spans.all())))
    assert KEY in received.headers["authorization"]
    assert PROMPT.encode() in received.body
    assert "rpc." in log.getvalue()
    assert router.spans.named("failsoft.walk")
    assert [canary for canary in CANARIES if canary in written] == []


async def asked(router: Router) -> str:
    """How a unary call failed, if it did."""
    try:
        await router.ask(PROMPT)
    except grpc.aio.AioRpcError as error:
        return f"{error!r} {error.trailing_metadata()!r}"
    return ""


async def streamed(router: Router) -> str:
    """How a streamed call failed, if it did."""
    error = (await router.stream(PROMPT)).error
    return "" if error is None else f"{error!r} {error.trailing_metadata()!r}"


async def refused(router: Router) -> str:
    """How a request that breaks the contract was refused."""
    broken = chat(PROMPT, sampling=chat_pb2.Sampling(temperature=99.0, stop=[""]))
    broken.messages[0].parts.add().tool_call.arguments_json = PROMPT
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await router.stub.Generate(pb.GenerateRequest(chat=broken))
    return f"{caught.value!r} {caught.value.trailing_metadata()!r}"
