"""What a collector gets of a request whose first provider fails: the whole tree, as it was sent.

Each front door is asked in both ways, over real sockets, by a caller with a trace of its own.
The trees are in `trees/`, one file a fault; `golden_text` says how they are written anew.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import grpc
import pytest
import yaml
from golden_text import golden, is_written_anew
from otlp_tree import ReceivedTraces
from processes import free_ports, process, wait_until_serving
from router_under_test import chat, openai_target
from span_collector import Collector, collecting

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.telemetry import SpanContext, format_traceparent
from failsoft_kit.testing.span_tree import TreeSpan, TreeText
from failsoft_upstream import Upstream, faults
from failsoft_upstream.faults import ErrorKind, Fault

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

pytestmark = pytest.mark.integration

TREES = Path(__file__).with_name("trees")
TEXT = TreeText(
    hidden={
        "failsoft.walk.id",
        "failsoft.route",
        "failsoft.attempt.id",
        "failsoft.request.id",
        "failsoft.tenant.id",
        "failsoft.hop.place",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.stream",
        "rpc.system.name",
        "server.address",
    },
    masked={
        "failsoft.deadline.remaining",
        "failsoft.rescue.characters",
        "gen_ai.response.id",
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "server.port",
    },
)
FAULTS: Mapping[str, Fault] = {
    "healthy": faults.Healthy(),
    "http_500": faults.Status(status=500),
    "stall": faults.Stall(after=2),
    "cut": faults.Cut(after=2),
    "content_filter": faults.ProviderError(error=ErrorKind.CONTENT_FILTER),
}
"""Each has a target and a route of its own."""
NEXT = "next"
NOTICED_SOON = {"stall": {"stall": "500ms"}}
SETTLES_WITHIN = 20.0
"""Seconds; spans are sent once a second."""
NOTHING_MORE = 3.0
"""Seconds without a span after which traces that are written anew are taken for whole."""
CALLER = 0xCA11
QUESTION = "What is soft?"
INFERENCE = "failsoft.inference.v1.InferenceService"


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A router that sends its spans to a collector, as its callers see it."""

    stub: "InferenceServiceAsyncStub"
    base_url: str


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
async def router(first: Upstream, collector: Collector, tmp_path: Path) -> AsyncIterator[Router]:
    """A route for each fault, with the same target behind, which is well."""
    for name, fault in FAULTS.items():
        await first.set_fault(fault, model=name)
    targets = {
        name: openai_target(first, model=name, limits=NOTICED_SOON.get(name, {}))
        for name in (*FAULTS, NEXT)
    }
    routes = {f"{name}-route": {"hops": [name, NEXT]} for name in FAULTS}
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"targets": targets, "routes": routes}))
    address, admin_address, http_address = (f"127.0.0.1:{port}" for port in free_ports(3))
    variables = {
        "FAILSOFT_ROUTER_ADDRESS": address,
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": admin_address,
        "FAILSOFT_ROUTER_HTTP_ADDRESS": http_address,
        "FAILSOFT_ROUTER_POLICY_FILE": str(file),
        "FAILSOFT_ROUTER_DRAIN": "1s",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
    }
    with process(["-m", "failsoft_router"], folder=tmp_path, variables=variables):
        await asyncio.to_thread(wait_until_serving, address, INFERENCE)
        async with open_channel(address) as channel:
            stub = pb_grpc.InferenceServiceStub(channel)
            yield Router(stub=stub, base_url=f"http://{http_address}/v1")


async def by_grpc(router: Router, model: str, traceparent: str) -> None:
    request = pb.GenerateRequest(chat=chat(QUESTION, model=model))
    await router.stub.Generate(request, metadata=(("traceparent", traceparent),))


async def by_grpc_stream(router: Router, model: str, traceparent: str) -> None:
    request = pb.StreamGenerateRequest(chat=chat(QUESTION, model=model))
    metadata = (("traceparent", traceparent),)
    async for _ in router.stub.StreamGenerate(request, metadata=metadata):
        pass


async def by_http(router: Router, model: str, traceparent: str, *, stream: bool = False) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": model, "messages": messages, "stream": stream}
    async with (
        aiohttp.ClientSession(headers={"traceparent": traceparent}) as session,
        session.post(f"{router.base_url}/chat/completions", json=body) as reply,
    ):
        await reply.read()


CALLERS: Mapping[str, Callable[[Router, str, str], Awaitable[None]]] = {
    "gRPC, unary": by_grpc,
    "gRPC, stream": by_grpc_stream,
    "HTTP, unary": by_http,
    "HTTP, stream": partial(by_http, stream=True),
}


def written(spans: Sequence[TreeSpan]) -> str:
    """The tree below the caller, whose own span nobody has sent."""
    caller = TreeSpan(
        span_id=CALLER,
        parent_id=0,
        name="caller",
        kind="CLIENT",
        is_error=False,
        started=0.0,
        ended=0.0,
        attributes={},
    )
    return TEXT.write([caller, *spans])


def told(traces: ReceivedTraces) -> Mapping[str, str]:
    """What is written of each fault, as far as its spans have come."""
    texts = dict.fromkeys(FAULTS, "")
    for trace_id, (name, caller) in ASKED.items():
        texts[name] += f"{caller}\n\n{written(traces.of(trace_id))}\n"
    return texts


ASKED = dict(enumerate(itertools.product(FAULTS, CALLERS), start=1))
"""By the number of its trace: who asks for which fault."""


async def test_a_collector_gets_these_trees(router: Router, collector: Collector) -> None:
    traces = ReceivedTraces(collector)
    async with asyncio.TaskGroup() as tasks:
        for trace_id, (name, caller) in ASKED.items():
            context = SpanContext(trace_id=trace_id, span_id=CALLER, sampled=True)
            ask = CALLERS[caller](router, f"{name}-route", format_traceparent(context))
            tasks.create_task(ended(ask))

    if is_written_anew():
        await traces.settle(lambda: False, within=NOTHING_MORE)
    promised = {name: golden(TREES / f"{name}.txt", text) for name, text in told(traces).items()}
    await traces.settle(lambda: told(traces) == promised, within=SETTLES_WITHIN)

    assert told(traces) == promised


async def ended(asking: Awaitable[None]) -> None:
    """A request is over, with an answer or without."""
    with suppress(grpc.aio.AioRpcError):
        await asking


def test_each_tree_belongs_to_a_fault() -> None:
    assert {file.stem for file in TREES.iterdir()} == set(FAULTS)
