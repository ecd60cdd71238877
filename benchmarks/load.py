"""Requests, a known number of them, a known number at a time."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import grpc

from benchmarks.programs import ECHO
from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

Ask = Callable[[], Awaitable[None]]

_numbers = itertools.count()


class Clients:
    """One channel to each server.

    Attributes:
        strays: Answers that came from elsewhere than the scenario says, as when a busy
            machine makes a look-up miss its limit.
    """

    def __init__(self, *, router: grpc.aio.Channel, echo: grpc.aio.Channel) -> None:
        self.stub: InferenceServiceAsyncStub = pb_grpc.InferenceServiceStub(router)
        self.echo = echo
        self.strays = 0


async def burst(ask: Ask, *, requests: int, in_flight: int) -> None:
    """Ask that many times, that many at once."""

    async def one_caller(turns: Iterator[int]) -> None:
        for _ in turns:
            await ask()

    turns = iter(range(requests))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(in_flight):
            tasks.create_task(one_caller(turns))


def echo(clients: Clients) -> Ask:
    """A bare call with a body as long as a small request."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = clients.echo.unary_unary(ECHO)
    body = b"x" * 96

    async def ask() -> None:
        await call(body)

    return ask


def miss(clients: Clients) -> Ask:
    """A question that nobody has asked before, at temperature 0: looked up, asked, stored."""

    async def ask() -> None:
        await _generate(clients, f"Question {next(_numbers)}", "cloud")

    return ask


def hit(clients: Clients) -> Ask:
    """A question whose answer is fresh in the cache."""

    async def ask() -> None:
        await _generate(clients, "The same question", "cache")

    return ask


def stream(clients: Clients) -> Ask:
    """A question that nobody has asked before, answered as a stream."""

    async def ask() -> None:
        request = pb.StreamGenerateRequest(chat=_chat(f"Question {next(_numbers)}"))
        finished = pb.Finished()
        async for event in clients.stub.StreamGenerate(request):
            finished = event.finished
        clients.strays += finished.served_by != "cloud"

    return ask


async def warm_up(clients: Clients) -> None:
    """Fill the cache for `hit` and let every process have its connections."""
    for _ in range(20):
        await clients.stub.Generate(pb.GenerateRequest(chat=_chat("The same question")))
        await miss(clients)()
        await echo(clients)()


async def _generate(clients: Clients, question: str, server: str) -> None:
    reply = await clients.stub.Generate(pb.GenerateRequest(chat=_chat(question)))
    clients.strays += reply.finished.served_by != server


def _chat(question: str) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(
        messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=question)])],
        sampling=chat_pb2.Sampling(temperature=0.0),
    )
