"""The local model as its callers see it: what it can do, and what when that is not enough."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.status import from_rpc_error

SERVICE = "failsoft.inference.v1.InferenceService"
PLACES = 8
WAITING = 16
TOKENS = 48
"""Of every answer: the model is not asked when to stop."""
SHARES = {
    chat_pb2.CRITICALITY_CRITICAL_PLUS: 3,
    chat_pb2.CRITICALITY_CRITICAL: 57,
    chat_pb2.CRITICALITY_SHEDDABLE: 40,
}
"""Per cent: those that matter most are a third of what can be answered."""
_LOOK_SECONDS = 0.5


@dataclass(slots=True)
class Seen:
    """What callers have seen of it."""

    began: float
    """When the first request came."""
    asked: Counter[int] = field(default_factory=Counter)
    whole: Counter[int] = field(default_factory=Counter)
    """Answers before their deadline, by criticality."""
    refused: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    """Answers that had begun when their deadline came."""
    waited_past: int = 0
    """Requests that had heard nothing when their deadline came."""
    finished_in: list[float] = field(default_factory=list)
    last: float = 0.0
    """When the last whole answer came."""
    peak_bytes: int = 0

    @property
    def per_second(self) -> float:
        """Whole answers a second, from the first request to the last of them."""
        return self.whole.total() / max(1e-9, self.last - self.began)


class Model:
    """The service under load."""

    def __init__(self, channel: grpc.aio.Channel, pid: int) -> None:
        self._stub = pb_grpc.InferenceServiceStub(channel)
        self._health: Any = health_pb2_grpc.HealthStub(channel)
        self._process = psutil.Process(pid)
        self._clock = SystemClock()

    async def wait_until_serving(self) -> None:
        """Returns when it answers."""
        async for reply in self._health.Watch(health_pb2.HealthCheckRequest(service=SERVICE)):
            if reply.status == health_pb2.HealthCheckResponse.SERVING:
                return

    async def ask(self, seen: Seen, *, criticality: int, within: float | None) -> None:
        """One request, and what comes of it."""
        began, started = self._clock.now(), False
        seen.asked[criticality] += 1
        try:
            async for event in self._stub.StreamGenerate(_request(criticality), timeout=within):
                started = started or event.HasField("started")
        except grpc.aio.AioRpcError as error:
            told = from_rpc_error(error)
            if told.reason == "OVERLOADED":
                seen.refused[told.metadata.get("admission", "engine")] += 1
            elif error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            elif started:
                seen.cut += 1
            else:
                seen.waited_past += 1
        else:
            seen.whole[criticality] += 1
            seen.last = self._clock.now()
            seen.finished_in.append(self._clock.now() - began)

    async def at_its_best(self, seconds: float) -> tuple[float, float]:
        """Answers a second with all places taken, and how long one of them takes."""
        seen = Seen(began=self._clock.now())

        async def caller() -> None:
            while self._clock.now() < seen.began + seconds:
                await self.ask(seen, criticality=chat_pb2.CRITICALITY_CRITICAL, within=None)

        async with asyncio.TaskGroup() as callers:
            for _ in range(PLACES):
                callers.create_task(caller())
        return seen.per_second, sum(seen.finished_in) / len(seen.finished_in)

    async def overloaded(self, seconds: float, *, rate: float, within: float) -> Seen:
        """Requests at that rate, each with so many seconds."""
        seen, draw = Seen(began=self._clock.now()), random.Random(1)
        async with asyncio.TaskGroup() as callers:
            looking = callers.create_task(self._look(seen))
            async with asyncio.TaskGroup() as asking:
                while self._clock.now() < seen.began + seconds:
                    (criticality,) = draw.choices(list(SHARES), list(SHARES.values()))
                    asking.create_task(self.ask(seen, criticality=criticality, within=within))
                    await asyncio.sleep(draw.expovariate(rate))
            looking.cancel()
        return seen

    def memory(self) -> int:
        """Bytes of both processes."""
        processes = [self._process, *self._process.children()]
        return sum(int(each.memory_info().rss) for each in processes)

    async def _look(self, seen: Seen) -> None:
        while True:
            seen.peak_bytes = max(seen.peak_bytes, self.memory())
            await asyncio.sleep(_LOOK_SECONDS)


def _request(criticality: int) -> pb.StreamGenerateRequest:
    question = chat_pb2.Part(text="Tell me a very long story about a ship and its crew.")
    return pb.StreamGenerateRequest(
        chat=chat_pb2.ChatRequest(
            messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[question])],
            sampling=chat_pb2.Sampling(max_tokens=TOKENS, temperature=0.0),
            criticality=criticality,  # type: ignore[arg-type] # an enum's number
        )
    )
