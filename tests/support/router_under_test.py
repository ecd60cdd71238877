"""A router over real gRPC, as its callers see it, and policies for it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft.router.v1 import admin_service_pb2_grpc as admin_grpc
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_upstream import Upstream

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub
    from failsoft.router.v1.admin_service_pb2_grpc import RouterAdminServiceAsyncStub

QUICK_TO_NOTICE = {
    "TIMEOUT_FIRST_CONTENT": {"first_content": "300ms"},
    "STALL": {"stall": "300ms"},
}
"""A target's limits, by the silence that they are to show soon.

Only the limit that a test is about is short: a machine that is busy for 300 ms is no fault.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What a streaming caller saw: everything that came, and how it ended."""

    events: tuple[pb.StreamGenerateResponse, ...]
    error: grpc.aio.AioRpcError | None

    @property
    def text(self) -> str:
        """What a reader who obeys resets holds in the end."""
        text = ""
        for event in self.events:
            if event.HasField("stream_reset"):
                text = ""
            text += event.delta.text
        return text

    @property
    def finished(self) -> pb.Finished:
        return self.events[-1].finished


class Router:
    """A running router, as its callers see it."""

    def __init__(
        self,
        address: str,
        *,
        base_url: str,
        channel: grpc.aio.Channel,
        admin: grpc.aio.Channel,
        spans: RecordedSpans,
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        """
        Args:
            base_url: Of OpenAI's HTTP API.
            stop: Drains the router, and returns when it has ended.
        """
        self.address = address
        self.base_url = base_url
        self.stop = stop
        self.stub: InferenceServiceAsyncStub = pb_grpc.InferenceServiceStub(channel)
        self.admin: RouterAdminServiceAsyncStub = admin_grpc.RouterAdminServiceStub(admin)
        self.channel = channel
        self.spans = spans

    async def ask(
        self, question: str = "What is soft?", *, timeout: float | None = None, **fields: object
    ) -> pb.GenerateResponse:
        """The whole answer."""
        return await self.stub.Generate(
            pb.GenerateRequest(chat=chat(question, **fields)), timeout=timeout
        )

    async def stream(
        self, question: str = "What is soft?", *, timeout: float | None = None, **fields: object
    ) -> Streamed:
        """Every event up to the end."""
        call = self.stub.StreamGenerate(
            pb.StreamGenerateRequest(chat=chat(question, **fields)), timeout=timeout
        )
        events: list[pb.StreamGenerateResponse] = []
        try:
            async for event in call:
                events.append(event)  # noqa: PERF401 - what came before an error counts
        except grpc.aio.AioRpcError as error:
            return Streamed(events=tuple(events), error=error)
        return Streamed(events=tuple(events), error=None)


StartRouter = Callable[..., Awaitable[Router]]
"""Given the policy; `cache` is a cache's address, `environ` where credentials may be, `drain`
the seconds that running calls are given at the end, `keep_alive` those of silence after which a
stream over HTTP is sent a comment."""


def chat(question: str, **fields: object) -> chat_pb2.ChatRequest:
    """One question as a request."""
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=question)])
    return chat_pb2.ChatRequest(messages=[message], **fields)  # type: ignore[arg-type]


def openai_target(upstream: Upstream, **fields: object) -> dict[str, object]:
    """A target of the policy that leads to a look-alike; it is asked once a hop."""
    return {
        "provider": "openai",
        "model": "gpt-5-mini",
        "endpoint": upstream.base_url,
        "allow_private": True,
        "attempts": 1,
        **fields,
    }


def failsoft_target(router: Router, **fields: object) -> dict[str, object]:
    """A target of the policy that leads to another router's route `chat`."""
    return {
        "provider": "failsoft",
        "model": "chat",
        "endpoint": router.address,
        **fields,
    }


def hop_words(hops: Iterable[walk_pb2.Hop]) -> list[tuple[str, str, str]]:
    """Each hop as its target, its outcome and its reason, in the contract's words."""
    words = []
    for hop in hops:
        reason = (
            walk_pb2.SkipReason.Name(hop.skip_reason)
            if hop.skip_reason
            else walk_pb2.ErrorClass.Name(hop.error_class)
        )
        outcome = walk_pb2.HopOutcome.Name(hop.outcome).removeprefix("HOP_OUTCOME_")
        short = reason.removeprefix("SKIP_REASON_").removeprefix("ERROR_CLASS_")
        words.append((hop.target, outcome, "" if short == "UNSPECIFIED" else short))
    return words


def two_hops(first: Upstream, second: Upstream, **fields: object) -> dict[str, object]:
    """A route over two providers with a mock behind them; `fields` are the first target's."""
    return {
        "targets": {
            "first": openai_target(first, **fields),
            "second": openai_target(second, model="gpt-5-nano"),
        },
        "routes": {"chat": {"default": True, "hops": ["first", "second", "mock"]}},
        "tenants": {"default": {"allow_mock": True}},
    }
