"""A service of ours is told who asks; a stranger is told nothing; none may pass off old answers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from other_networks import tls_front

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.telemetry import Meter, SpanContext
from failsoft_model.chat import ChatRequest, Degradation, Message, Role, Sampling, Text
from failsoft_model.events import Delta, TokenLogprob
from failsoft_model.walk import ErrorClass, Load
from failsoft_router.adapters.inference_target import InferenceTarget
from failsoft_router.core.policy import CredentialSource, Provider, TargetPolicy
from failsoft_router.ports import AttemptFailed, Credential, Ending, Piece, TargetCall

pytestmark = pytest.mark.integration

TOKEN = "service-token-0123456789-0123456789"
KEY = "key-of-the-other-installation"

WITHIN = 20.0
"""Seconds, on a machine that is busy."""

CALL = TargetCall(
    request=ChatRequest(
        model="chat",
        messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),),
        request_id="req-1",
        refused_degradations=frozenset({Degradation.FALLBACK_TARGET}),
    ),
    attempt_id="walk/1/1",
    tenant="acme",
    span=SpanContext(trace_id=1, span_id=2, sampled=True),
    connect=1.0,
    total=10.0,
)

DELTA = pb.StreamGenerateResponse(delta=pb.Delta(text="hello"))


def finished(
    degradation: chat_pb2.Degradation.ValueType = chat_pb2.DEGRADATION_NONE,
    reason: walk_pb2.FinishReason.ValueType = walk_pb2.FINISH_REASON_STOP,
) -> pb.StreamGenerateResponse:
    return pb.StreamGenerateResponse(
        finished=pb.Finished(
            finish_reason=reason, served_by="x", model="m", degradation=degradation
        )
    )


class Peer:
    """Says what it was told to say, and remembers what it was asked and shown."""

    def __init__(self, *events: pb.StreamGenerateResponse) -> None:
        self._events = events or (DELTA, finished())
        self.requests: list[pb.StreamGenerateRequest] = []
        self.metadata: list[dict[str, str]] = []

    async def stream_generate(
        self, request: pb.StreamGenerateRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.StreamGenerateResponse]:
        self.requests.append(request)
        self.metadata.append(
            {key: str(value) for key, value in context.invocation_metadata() or ()}
        )
        for event in self._events:
            yield event


@asynccontextmanager
async def serving(
    peer: Peer, port: int = 0, *, tls: grpc.ServerCredentials | None = None
) -> AsyncIterator[str]:
    """The peer's address."""
    server = grpc.aio.server()
    handler = grpc.unary_stream_rpc_method_handler(
        peer.stream_generate,
        pb.StreamGenerateRequest.FromString,
        pb.StreamGenerateResponse.SerializeToString,
    )
    service = "failsoft.inference.v1.InferenceService"
    server.add_registered_method_handlers(service, {"StreamGenerate": handler})
    address = f"127.0.0.1:{port}"
    port = (
        server.add_insecure_port(address) if tls is None else server.add_secure_port(address, tls)
    )
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


class Key:
    """A credential that can be changed."""

    def __init__(self, key: str | None) -> None:
        self.key = key

    def value(self) -> str | None:
        return self.key


@asynccontextmanager
async def target_at(
    endpoint: str,
    *,
    external: bool = False,
    token: ServiceToken | None = None,
    credential: Credential | None = None,
    tls: bool = False,
    ca_certificates: str = "",
    server_name: str = "",
) -> AsyncIterator[InferenceTarget]:
    policy = TargetPolicy(
        name="other",
        provider=Provider.FAILSOFT,
        model="m",
        endpoint=endpoint,
        external=external,
        tls=tls,
        ca_certificates=ca_certificates,
        server_name=server_name,
        credential=None if credential is None else CredentialSource(env="KEY"),
    )
    clock = SystemClock()
    calls = ClientCalls(Meter(clock=clock), (), clock=clock)
    target = InferenceTarget(policy, token=token, credential=credential, calls=calls)
    try:
        yield target
    finally:
        await target.close()


async def said(target: InferenceTarget, call: TargetCall = CALL) -> list[Piece]:
    async with aclosing(target.stream(call)) as pieces:
        return [piece async for piece in pieces]


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return ServiceToken.from_file(file)


async def test_a_service_of_ours_is_told_who_asks(token: ServiceToken) -> None:
    peer = Peer()
    async with serving(peer) as address, target_at(address, token=token) as target:
        await said(target)

    shown = peer.metadata[0]
    assert shown["authorization"] == f"Bearer {TOKEN}"
    assert shown["failsoft-tenant"] == "acme"
    assert shown["failsoft-attempt-id"] == "walk/1/1"
    assert "traceparent" in shown


async def test_a_target_outside_is_shown_nothing_of_ours(token: ServiceToken) -> None:
    """Who holds our token may ask our cache for any tenant's answers."""
    peer = Peer()
    async with (
        serving(peer) as address,
        target_at(address, external=True, token=token) as target,
    ):
        await said(target)

    shown = peer.metadata[0]
    assert not shown.keys() & {
        "authorization",
        "failsoft-tenant",
        "failsoft-attempt-id",
        "traceparent",
        "x-request-id",
    }


@pytest.mark.parametrize("external", [True, False])
async def test_everybody_is_told_how_many_routers_there_were(*, external: bool) -> None:
    """A circle may lead through another installation, and would never end."""
    peer = Peer()
    async with serving(peer) as address, target_at(address, external=external) as target:
        await said(target)

    assert peer.metadata[0]["failsoft-depth"] == "1"


@pytest.mark.parametrize("external", [True, False])
async def test_a_credential_is_shown_instead_of_the_token_and_followed(
    token: ServiceToken, *, external: bool
) -> None:
    peer, key = Peer(), Key(KEY)
    async with (
        serving(peer) as address,
        target_at(address, external=external, token=token, credential=key) as target,
    ):
        await said(target)
        key.key = "another"
        await said(target)

    assert [shown["authorization"] for shown in peer.metadata] == [
        f"Bearer {KEY}",
        "Bearer another",
    ]
    assert ("failsoft-tenant" in peer.metadata[0]) is not external


async def test_a_target_that_has_to_have_tls_is_told_nothing_without_it() -> None:
    peer = Peer()
    async with (
        serving(peer) as address,
        target_at(address, external=True, credential=Key(KEY), tls=True) as target,
    ):
        with pytest.raises(AttemptFailed) as failure:
            await said(target)

    assert not failure.value.sent
    assert peer.metadata == []


async def test_it_is_asked_for_its_own_model_and_told_what_is_refused() -> None:
    peer = Peer()
    async with serving(peer) as address, target_at(address) as target:
        pieces = await said(target)

    assert pieces[0] == Delta(text="hello")
    chat = peer.requests[0].chat
    assert chat.model == "m"
    assert set(chat.refused_degradations) == {
        chat_pb2.DEGRADATION_FALLBACK_TARGET,
        chat_pb2.DEGRADATION_STALE_CACHE,
        chat_pb2.DEGRADATION_SIMILAR_CACHE,
        chat_pb2.DEGRADATION_MOCK,
    }


@pytest.mark.parametrize(
    "degradation",
    [
        chat_pb2.DEGRADATION_STALE_CACHE,
        chat_pb2.DEGRADATION_SIMILAR_CACHE,
        chat_pb2.DEGRADATION_MOCK,
    ],
)
async def test_an_answer_that_is_old_or_made_up_is_a_failure(
    degradation: chat_pb2.Degradation.ValueType,
) -> None:
    """A router that does not know `refused_degradations` gives one all the same."""
    async with serving(Peer(DELTA, finished(degradation))) as address, target_at(address) as target:
        with pytest.raises(AttemptFailed) as failed:
            await said(target)

    assert failed.value.error_class is ErrorClass.MALFORMED


async def test_an_answer_without_an_end_is_hung_up_on() -> None:
    """Ten minutes of it, which is what the limits of time allow, would be gigabytes."""
    million = pb.StreamGenerateResponse(delta=pb.Delta(text="x" * 1024 * 1024))
    async with serving(Peer(*[million] * 100)) as address, target_at(address) as target:
        with pytest.raises(AttemptFailed) as failed:
            await said(target)

    assert failed.value.error_class is ErrorClass.MALFORMED
    assert failed.value.detail == "the answer has no end"


async def test_an_answer_of_the_peers_second_best_is_an_answer() -> None:
    peer = Peer(DELTA, finished(chat_pb2.DEGRADATION_FALLBACK_TARGET))
    async with serving(peer) as address, target_at(address) as target:
        pieces = await said(target)

    assert isinstance(pieces[-1], Ending)


class Lingering(Peer):
    """Has something to do between its last word and the end of its call."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def stream_generate(
        self, request: pb.StreamGenerateRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.StreamGenerateResponse]:
        try:
            async for event in super().stream_generate(request, context):
                yield event
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.ended.put_nowait("cancelled")
            raise
        self.ended.put_nowait("by itself")

    async def end(self) -> str:
        """How the next call to end has ended."""
        async with asyncio.timeout(WITHIN):
            return await self.ended.get()


async def test_a_peer_that_has_said_all_ends_its_call_by_itself() -> None:
    """It was cancelled, and in the peer's log each whole answer was a refused call.

    The second call tells the peer whatever was sent to it before.
    """
    peer = Lingering()
    async with serving(peer) as address, target_at(address) as target:
        first = await said(target)
        await said(target)
        peer.may_end.set()

        assert [await peer.end(), await peer.end()] == ["by itself", "by itself"]
    assert isinstance(first[-1], Ending)


async def test_a_peer_that_never_ends_its_call_is_hung_up_on() -> None:
    peer = Lingering()
    async with serving(peer) as address, target_at(address) as target:
        await said(target)

        assert await peer.end() == "cancelled"


async def test_a_filtered_answer_is_a_failure() -> None:
    peer = Peer(DELTA, finished(reason=walk_pb2.FINISH_REASON_CONTENT_FILTER))
    async with serving(peer) as address, target_at(address) as target:
        with pytest.raises(AttemptFailed) as failed:
            await said(target)

    assert failed.value.error_class is ErrorClass.CONTENT_FILTER


async def test_a_refused_connection_says_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with target_at(f"127.0.0.1:{port}") as target:
        with pytest.raises(AttemptFailed) as failed:
            await said(target)

    assert failed.value.error_class is ErrorClass.TRANSIENT
    assert not failed.value.sent


async def test_a_silent_address_costs_the_connect_limit_and_no_more() -> None:
    """Its packets vanish; gRPC alone would wait for the deadline of the whole call."""
    call = TargetCall(
        request=CALL.request,
        attempt_id=CALL.attempt_id,
        tenant=CALL.tenant,
        span=CALL.span,
        connect=0.1,
        total=30.0,
    )
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with target_at(f"127.0.0.1:{mute.getsockname()[1]}") as target, asyncio.timeout(5):
            with pytest.raises(AttemptFailed) as failed:
                await said(target, call)

    assert failed.value.error_class is ErrorClass.TIMEOUT_CONNECT
    assert not failed.value.sent


async def test_it_is_called_again_after_it_came_back() -> None:
    peer = Peer()
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    async with target_at(f"127.0.0.1:{port}") as target, asyncio.timeout(5):
        with pytest.raises(AttemptFailed):
            await said(target)
        async with serving(peer, port):
            while not peer.requests:
                with contextlib.suppress(AttemptFailed):
                    await said(target)
                await asyncio.sleep(0)


TELLING = pb.StreamGenerateResponse(
    delta=pb.Delta(text="hello", logprobs=[pb.TokenLogprob(token="hello", logprob=-0.5)])
)


async def test_tokens_are_passed_on_to_who_asked_for_them() -> None:
    """And to nobody else: to read them costs more than the text."""
    asking = replace(
        CALL, request=replace(CALL.request, sampling=Sampling(logprobs=True, top_logprobs=3))
    )
    peer = Peer(TELLING, finished())
    async with serving(peer) as endpoint, target_at(endpoint) as target:
        unasked, *_ = await said(target)
        asked, *_ = await said(target, asking)

    assert unasked == Delta(text="hello")
    assert asked == Delta(text="hello", logprobs=(TokenLogprob(token="hello", logprob=-0.5),))
    assert [request.chat.sampling.top_logprobs for request in peer.requests] == [0, 3]


async def test_the_load_that_it_tells_is_heard_at_the_start_and_at_the_end() -> None:
    early, late = walk_pb2.Load(running=1, capacity=8), walk_pb2.Load(running=2, capacity=8)
    end = finished()
    end.finished.load.CopyFrom(late)
    started = pb.StreamGenerateResponse(started=pb.Started(walk_id="w", load=early))
    heard: list[Load] = []
    async with serving(Peer(started, DELTA, end)) as address, target_at(address) as target:
        await said(target, replace(CALL, hears_load=heard.append))

    assert heard == [Load(running=1, capacity=8), Load(running=2, capacity=8)]


@pytest.mark.parametrize(
    ("name", "believed"), [("llama.models.svc", True), ("llama.others.svc", False)]
)
async def test_an_endpoint_is_known_by_the_name_of_its_service(
    tmp_path: Path, name: str, *, believed: bool
) -> None:
    """Pods have addresses that nobody can have a certificate for beforehand."""
    async with tls_front(tmp_path, leads_to=0, name="llama.models.svc") as (_, authority):
        pem = (tmp_path / "server.pem").read_bytes()
    peer = Peer()
    async with (
        serving(peer, tls=grpc.ssl_server_credentials([(pem, pem)])) as address,
        target_at(
            address, tls=True, ca_certificates=authority.read_text(), server_name=name
        ) as target,
    ):
        if believed:
            await said(target)
        else:
            with pytest.raises(AttemptFailed):
                await said(target)

    assert bool(peer.requests) is believed
