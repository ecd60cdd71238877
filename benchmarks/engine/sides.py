"""The two sides: the service with its engine, and the engine alone."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.processes import first_line, free_port, start, wait_until_connected
from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub

_SERVICE = "failsoft.inference.v1.InferenceService"


class Side(Protocol):
    """Something that answers, in processes of its own."""

    def pids(self) -> Sequence[int]:
        """All of them; the first is the one that is asked."""

    async def answer(self, prompts: Sequence[str], *, tokens: int) -> int:
        """Answers all prompts at once, greedily; how many tokens that were.

        Args:
            tokens: The longest answer.
        """


class Bare:
    """`benchmarks.engine.bare`."""

    def __init__(self, stack: ExitStack, *, streams: int, threads: int) -> None:
        arguments = ["-m", "benchmarks.engine.bare", str(streams), str(threads)]
        self._process = start(stack, arguments, asked=True)
        if first_line(self._process) != "ready":
            raise RuntimeError("the bare engine does not load its model")

    def pids(self) -> Sequence[int]:
        return [self._process.pid]

    async def answer(self, prompts: Sequence[str], *, tokens: int) -> int:
        return await asyncio.to_thread(
            self._ask, json.dumps({"prompts": prompts, "tokens": tokens})
        )

    def _ask(self, order: str) -> int:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe, see `start`
        print(order, file=self._process.stdin, flush=True)
        return int(first_line(self._process))


class Service:
    """local-llm with the real engine."""

    def __init__(self, stack: ExitStack, *, streams: int, threads: int) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        settings = {
            "ADDRESS": self.address,
            "ENGINE": "openvino",
            "MAX_SEQUENCES": str(streams),
            "THREADS": str(threads),
            "LOG__LEVEL": "error",
        }
        variables = {f"FAILSOFT_LOCAL_LLM_{name}": value for name, value in settings.items()}
        self._process = start(stack, ["-m", "failsoft_local_llm"], variables)
        wait_until_connected(self.address, self._process)

    def pids(self) -> Sequence[int]:
        children = psutil.Process(self._process.pid).children(recursive=True)
        return [self._process.pid, *(child.pid for child in children)]

    def asked_over(self, channel: grpc.aio.Channel) -> "AskedService":
        """The service as its clients see it."""
        return AskedService(self, channel)


class AskedService:
    """The service, over a channel to it."""

    def __init__(self, service: Service, channel: grpc.aio.Channel) -> None:
        self._service = service
        self._stub = InferenceServiceStub(channel)
        self._health: Any = health_pb2_grpc.HealthStub(channel)

    def pids(self) -> Sequence[int]:
        return self._service.pids()

    async def wait_until_serving(self) -> None:
        """Returns when it answers."""
        async for reply in self._health.Watch(health_pb2.HealthCheckRequest(service=_SERVICE)):
            if reply.status == health_pb2.HealthCheckResponse.SERVING:
                return

    async def answer(self, prompts: Sequence[str], *, tokens: int) -> int:
        return sum(await asyncio.gather(*(self._stream(prompt, tokens) for prompt in prompts)))

    async def _stream(self, prompt: str, most: int) -> int:
        sampling = chat_pb2.Sampling(
            temperature=0.0, frequency_penalty=0.0, presence_penalty=0.0, max_tokens=most
        )
        question = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=prompt)])
        request = pb.StreamGenerateRequest(
            chat=chat_pb2.ChatRequest(messages=[question], sampling=sampling)
        )
        tokens = 0
        async for event in self._stub.StreamGenerate(request):
            tokens = event.finished.usage.output_tokens
        return tokens
