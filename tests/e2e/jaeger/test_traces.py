"""A real Jaeger shows what became of a request, whichever way it came."""

import json
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
import pytest
from structlog.testing import capture_logs

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_cli.addresses import Ports, on_loopback
from failsoft_kit.clock import SystemClock
from failsoft_kit.telemetry import telemetry_from

if TYPE_CHECKING:
    from jaeger_query import Jaeger

    from tests.e2e.conftest import Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROUTER, CACHE, LOCAL_LLM = "failsoft-router", "failsoft-cache", "failsoft-local-llm"
INFERENCE = "failsoft.inference.v1.InferenceService"
LOOKUP = "failsoft.cache.v1.CacheService/Lookup"
WALK = f"{ROUTER} failsoft.walk"
CLOUD, LOCAL = f"{ROUTER} failsoft.hop cloud", f"{ROUTER} failsoft.hop local-llama"
CLOUD_CALL = f"{ROUTER} chat gpt-5-mini"
LOCAL_CALL = f"{ROUTER} chat smollm2-135m-instruct"
HTTP_ROOT = "POST /v1/chat/completions"

QUESTION = "Say a word."
SECONDS = 60.0


def over_grpc(ports: Ports) -> str:
    """Ask so; the id of the request's trace."""
    with grpc.insecure_channel(on_loopback(ports.router)) as channel:
        stub = pb_grpc.InferenceServiceStub(channel)
        reply = stub.Generate(pb.GenerateRequest(chat=question()), timeout=SECONDS)
    return str(reply.finished.trace_id)


def as_a_grpc_stream(ports: Ports) -> str:
    with grpc.insecure_channel(on_loopback(ports.router)) as channel:
        stub = pb_grpc.InferenceServiceStub(channel)
        request = pb.StreamGenerateRequest(chat=question())
        events = list(stub.StreamGenerate(request, timeout=SECONDS))
    return str(events[-1].finished.trace_id)


def over_http(ports: Ports) -> str:
    return post(ports, stream=False)


def as_server_sent_events(ports: Ports) -> str:
    return post(ports, stream=True)


def question() -> chat_pb2.ChatRequest:
    part = chat_pb2.Part(text=QUESTION)
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[part])
    return chat_pb2.ChatRequest(
        messages=[message], sampling=chat_pb2.Sampling(temperature=0.0, max_tokens=4)
    )


def post(ports: Ports, *, stream: bool) -> str:
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": "chat", "messages": messages, "max_tokens": 4, "stream": stream}
    request = urllib.request.Request(
        f"http://{on_loopback(ports.http)}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310
        reply.read()
        return str(reply.headers["x-failsoft-trace-id"])


WAYS = [
    (over_grpc, f"{INFERENCE}/Generate"),
    (as_a_grpc_stream, f"{INFERENCE}/StreamGenerate"),
    (over_http, HTTP_ROOT),
    (as_server_sent_events, HTTP_ROOT),
]


@pytest.mark.parametrize(("ask", "root"), WAYS, ids=[ask.__name__ for ask, _ in WAYS])
def test_jaeger_shows_the_whole_walk_and_finds_it_by_its_fallback(
    falling_back: "Up", jaeger: "Jaeger", ask: Callable[[Ports], str], root: str
) -> None:
    trace_id = ask(falling_back.ports)

    trace = jaeger.wait_for_edges(
        trace_id,
        frozenset(
            {
                ("", f"{ROUTER} {root}"),
                (f"{ROUTER} {root}", WALK),
                (WALK, f"{ROUTER} {LOOKUP}"),
                (f"{ROUTER} {LOOKUP}", f"{CACHE} {LOOKUP}"),
                (WALK, CLOUD),
                (CLOUD, CLOUD_CALL),
                (WALK, LOCAL),
                (LOCAL, LOCAL_CALL),
                (LOCAL_CALL, f"{LOCAL_LLM} {INFERENCE}/StreamGenerate"),
            }
        ),
    )

    assert trace.one(LOCAL).follows == (trace.one(CLOUD).id,)
    failed = {span.label for span in trace.spans.values() if span.failed}
    assert failed == {CLOUD, CLOUD_CALL}
    assert trace.one(WALK).tags["failsoft.served_by"] == "local-llama"
    assert trace_id in jaeger.found_by(ROUTER, {"failsoft.fallback.used": "true"})
    assert trace_id not in jaeger.found_by(ROUTER, {"failsoft.fallback.used": "false"})
    documented = jaeger.parents(trace_id)
    # What is stored in the cache is a span that may come a moment later.
    assert documented.items() >= {span.id: span.parent for span in trace.spans.values()}.items()


def test_it_is_said_at_start_where_spans_go(falling_back: "Up", otlp_endpoint: str) -> None:
    assert any(line.startswith(f"spans go to {otlp_endpoint} ") for line in falling_back.seen)


async def test_that_jaeger_takes_no_metrics_is_no_warning(
    otlp_endpoint: str,
) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp_endpoint}
    telemetry = telemetry_from(environ, service="test", clock=SystemClock())
    assert telemetry.push is not None
    with capture_logs() as logged:
        await telemetry.push.close(within=SECONDS)

    assert [(entry["event"], entry["log_level"]) for entry in logged] == [
        ("telemetry.metrics_not_taken", "info")
    ]
