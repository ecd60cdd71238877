"""Callers who come at a steady rate, and what each of them saw."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

import grpc

from benchmarks.outage.promises import Sample
from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.clock import Clock

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

_SECONDS = 60.0

_QUESTION = pb.GenerateRequest(
    chat=chat_pb2.ChatRequest(
        messages=[
            chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Who is there?")])
        ]
    )
)


class Callers:
    """They ask whether or not those before them have been answered ("open loop").

    Attributes:
        samples: Of those who have been answered, or told that they will not be.
    """

    def __init__(
        self, channel: grpc.aio.Channel, *, first: str, per_second: float, clock: Clock
    ) -> None:
        """
        Args:
            first: Name of the route's first target.
        """
        self._stub: InferenceServiceAsyncStub = pb_grpc.InferenceServiceStub(channel)
        self._first = first
        self._per_second = per_second
        self._clock = clock
        self._news = asyncio.Event()
        self.samples: list[Sample] = []

    async def come(self, until: asyncio.Event) -> None:
        """One after the other until the event is set, and wait for the last one's answer."""
        began, number = self._clock.now(), 0
        async with asyncio.TaskGroup() as tasks:
            while not until.is_set():
                tasks.create_task(self.ask())
                number += 1
                due = began + number / self._per_second
                await asyncio.sleep(max(0.0, due - self._clock.now()))

    async def ask(self) -> None:
        """Ask once, and keep what came."""
        begun = self._clock.now()
        try:
            reply = await self._stub.Generate(_QUESTION, timeout=_SECONDS)
        except grpc.aio.AioRpcError:
            seconds = self._clock.now() - begun
            sample = Sample(begun=begun, seconds=seconds, answered=False)
        else:
            seconds = self._clock.now() - begun
            sample = read(reply.finished.hops, begun=begun, seconds=seconds, first=self._first)
        self.samples.append(sample)
        self._news.set()

    async def first_is_back(self, *, since: float, answers: int) -> None:
        """Return when the last so many who asked were answered by the first target.

        Args:
            since: Who asked earlier does not count.
        """
        while True:
            self._news.clear()
            await self._news.wait()
            late = [sample for sample in self.samples[-2 * answers :] if sample.begun >= since]
            late.sort(key=lambda sample: sample.begun)
            if len(late) >= answers and all(sample.first for sample in late[-answers:]):
                return


def read(hops: Iterable[walk_pb2.Hop], *, begun: float, seconds: float, first: str) -> Sample:
    """What the hops of an answer say about the first target."""
    hop, *later = hops
    served = hop.outcome == walk_pb2.HOP_OUTCOME_SERVED
    started = hop.started.ToNanoseconds()
    lost = later[0].started.ToNanoseconds() - started if later else 0
    return Sample(
        begun=begun,
        seconds=seconds,
        first=served and hop.target == first,
        asked=hop.outcome != walk_pb2.HOP_OUTCOME_SKIPPED,
        calls=len(hop.attempts) + (hop.outcome == walk_pb2.HOP_OUTCOME_PROBING),
        lost=lost / 1e9 if hop.outcome != walk_pb2.HOP_OUTCOME_SKIPPED else 0.0,
        timed_out=hop.error_class == walk_pb2.ERROR_CLASS_TIMEOUT_FIRST_CONTENT,
    )
