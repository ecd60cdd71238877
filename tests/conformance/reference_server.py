"""The least that keeps every promise of InferenceService: it counts, word by word.

The suite is proved against it, so that a promise nobody could keep is noticed here.
Run as a program it prints its port and serves until its standard input is closed.
"""

import asyncio
import dataclasses
import itertools
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import ClassVar

import grpc

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit import logs
from failsoft_kit.identity import Access
from failsoft_kit.rpc.server import running
from failsoft_kit.testing.grpc import service_of
from failsoft_kit.wire.inference import decode_request, encode_answer, encode_event
from failsoft_model.chat import ChatRequest, Message, Role, Text
from failsoft_model.errors import Code, FailsoftError, InvalidRequest
from failsoft_model.events import Answer, Choice, Delta, Finished, Started
from failsoft_model.needs import needs
from failsoft_model.walk import FinishReason, Load, Usage

MODEL = "counter"
USUAL_WORDS = 64
SERVICE = "failsoft.inference.v1.InferenceService"
METHODS = ("Generate", "StreamGenerate", "CountTokens", "ListModels")


class RouteNotFound(FailsoftError):
    """There is one model here, and another was asked for."""

    code: ClassVar[Code] = Code.NOT_FOUND
    reason: ClassVar[str] = "ROUTE_NOT_FOUND"


class Unsupported(InvalidRequest):
    """It asks for what nobody has listed."""

    reason: ClassVar[str] = "UNSUPPORTED"


def answer_words(request: ChatRequest) -> tuple[list[str], FinishReason]:
    """The pieces of the answer: a greeting and the numbers from 1."""
    limit = request.sampling.max_tokens
    words = list(itertools.islice(_words(), min(limit or USUAL_WORDS, 100_000)))
    reason = FinishReason.LENGTH if limit is not None else FinishReason.STOP
    text = "".join(words)
    ends = [text.find(stop) for stop in request.sampling.stop if stop in text]
    return (_cut(words, min(ends)), FinishReason.STOP) if ends else (words, reason)


def _words() -> Iterator[str]:
    yield "I count:"
    for number in itertools.count(1):
        yield f" {number}"


def _cut(words: list[str], end: int) -> list[str]:
    """The words up to a place in their text."""
    kept: list[str] = []
    for word in words:
        kept.append(word[:end])
        end -= len(word)
        if end <= 0:
            break
    return [word for word in kept if word]


def count(request: ChatRequest) -> int:
    """Tokens of a request: its words and one for each message."""
    return sum([1 + len(message.text.split()) for message in request.messages])


Context = grpc.aio.ServicerContext[object, Awaitable[object]]


class Reference(pb_grpc.InferenceServiceServicer):
    """Answers from `answer_words`."""

    def __init__(self) -> None:
        self._running = 0

    async def Generate(  # noqa: N802 - the name is the contract's
        self, request: pb.GenerateRequest, context: "Context"
    ) -> pb.GenerateResponse:
        chat = _accepted(request)
        words, reason = answer_words(chat)
        message = Message(role=Role.ASSISTANT, parts=(Text(text="".join(words)),))
        finished = self._finished(chat, reason, len(words), _id_of(chat))
        return encode_answer(Answer(choice=Choice(message=message), finished=finished))

    async def StreamGenerate(  # noqa: N802 - the name is the contract's
        self, request: pb.StreamGenerateRequest, context: "Context"
    ) -> AsyncIterator[pb.StreamGenerateResponse]:
        chat = _accepted(request)
        request_id = _id_of(chat)
        self._running += 1
        try:
            words, reason = answer_words(chat)
            load = Load(running=self._running)
            yield encode_event(Started(walk_id="", route=MODEL, request_id=request_id, load=load))
            for word in words:
                yield encode_event(Delta(text=word))
            yield encode_event(self._finished(chat, reason, len(words), request_id))
        finally:
            self._running -= 1

    async def CountTokens(  # noqa: N802 - the name is the contract's
        self, request: pb.CountTokensRequest, context: "Context"
    ) -> pb.CountTokensResponse:
        return pb.CountTokensResponse(input_tokens=count(_accepted(request)), model=MODEL)

    async def ListModels(  # noqa: N802 - the name is the contract's
        self, request: pb.ListModelsRequest, context: "Context"
    ) -> pb.ListModelsResponse:
        return pb.ListModelsResponse(models=[pb.ModelInfo(id=MODEL, kind="model")])

    def _finished(
        self, chat: ChatRequest, reason: FinishReason, words: int, request_id: str
    ) -> Finished:
        return Finished(
            finish_reason=reason,
            served_by=MODEL,
            model=MODEL,
            usage=Usage(input_tokens=count(chat), output_tokens=words),
            route=MODEL,
            request_id=request_id,
        )


def _accepted(
    holder: pb.GenerateRequest | pb.StreamGenerateRequest | pb.CountTokensRequest,
) -> ChatRequest:
    chat = decode_request(holder)
    if chat.model != MODEL:
        raise RouteNotFound("there is no such model; ListModels says what there is")
    if needs(chat):
        raise Unsupported("words are counted here, and nothing else; ListModels says so")
    return chat


def _id_of(chat: ChatRequest) -> str:
    return chat.request_id or uuid.uuid4().hex


def _register(server: grpc.aio.Server) -> None:
    pb_grpc.add_InferenceServiceServicer_to_server(Reference(), server)


async def main() -> None:
    # What it logs must not be taken for its port.
    logs.configure(logs.LogSettings(), service="reference", trace=lambda: None)
    access = {f"{SERVICE}/{method}": Access.TENANT for method in METHODS}
    service = service_of(_register, access=access)
    listeners = [dataclasses.replace(listener, reflection=True) for listener in service.listeners]
    async with running(dataclasses.replace(service, listeners=listeners)) as ports:
        sys.stdout.write(f"{ports[0]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
