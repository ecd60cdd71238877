"""The matrix of faults: every case, the policy that gives each a route of its own, its caller."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
from fault_table import PATIENT, TABLE, Row
from router_under_test import chat

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.clock import SystemClock
from failsoft_kit.rpc.status import RemoteError, from_rpc_error
from failsoft_upstream import faults

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

UNARY, STREAM = "unary", "stream"
FIRST, MIDDLE = "first", "middle"

_NEVER_OPENS = {"consecutive_failures": 1000, "minimum_calls": 1000}

_PATIENCE = 30.0
"""Seconds; far more than any case takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of the matrix: what is asked for, by whom, and where the fault is.

    Attributes:
        name: Of the row.
        caller: `UNARY` or `STREAM`.
        place: `FIRST`, or `MIDDLE`: behind a target that is down.
    """

    name: str
    row: Row
    caller: str
    place: str

    @property
    def route(self) -> str:
        """What its caller asks for."""
        return f"{self.name}.{self.caller}.{self.place}"

    @property
    def faulty(self) -> str:
        """The target with the fault, which no other case asks: gates that it shuts are its own."""
        return f"faulty.{self.route}"

    @property
    def down(self) -> str:
        """The target before it in the middle, which always answers 503."""
        return f"down.{self.caller}.{self.place}"

    @property
    def well(self) -> str:
        """The target behind it, which always answers."""
        return f"well.{self.caller}.{self.place}"

    @property
    def hops(self) -> Sequence[str]:
        """Of its route, in their order; targets are named as their models."""
        return (*([self.down] if self.place == MIDDLE else []), self.faulty, self.well)

    @property
    def secret(self) -> str:
        """The variable with its credential, which no other case uses."""
        return "KEY_" + "".join(each if each.isalnum() else "_" for each in self.route)


CASES: Mapping[str, Sequence[Case]] = {
    name: [
        Case(
            name=name,
            row=row if place == FIRST else row.as_fallback,
            caller=caller,
            place=place,
        )
        for caller, place in itertools.product((UNARY, STREAM), (FIRST, MIDDLE))
    ]
    for name, row in TABLE.items()
}
"""The four cells of each row; they can be asked for at once."""

ALL_CASES: Sequence[Case] = tuple(itertools.chain.from_iterable(CASES.values()))


def policy(*, endpoint: str, refusing: str) -> Mapping[str, object]:
    """A route of its own for each case.

    Args:
        endpoint: Of the look-alike that plays the faults.
        refusing: Of the one that refuses connections.
    """
    targets: dict[str, object] = {}
    for case in ALL_CASES:
        place = refusing if isinstance(case.row.fault, faults.Refuse) else endpoint
        targets[case.down] = _target(case.down, endpoint, attempts=1, breaker=_NEVER_OPENS)
        targets[case.faulty] = _target(
            case.faulty, place, limit=case.row.limit, credential={"env": case.secret}
        )
        targets[case.well] = _target(case.well, endpoint)
    routes = {case.route: {"hops": list(case.hops), "midstream": "restart"} for case in ALL_CASES}
    return {"targets": targets, "routes": routes}


def _target(
    model: str, endpoint: str, *, limit: float = PATIENT, **fields: object
) -> Mapping[str, object]:
    return {
        "provider": "openai",
        "model": model,
        "endpoint": endpoint,
        "allow_private": True,
        "limits": {"first_content": f"{limit}s", "stall": f"{limit}s"},
        **fields,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a caller saw.

    Attributes:
        finished: None: the walk ended without an answer.
        error: None: it ended with one.
        resets: How often a streaming caller was told that what it has is void.
        text: What a reader who obeys resets holds in the end.
        seconds: From the call to its end.
    """

    finished: pb.Finished | None = None
    error: RemoteError | None = None
    resets: int = 0
    text: str = ""
    seconds: float = 0.0


class Callers:
    """A unary and a streaming caller of one router."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: InferenceServiceAsyncStub = pb_grpc.InferenceServiceStub(channel)
        self._clock = SystemClock()

    async def ask(self, case: Case) -> Seen:
        """Ask the case's route in the case's way, to the end."""
        ask = self._stream if case.caller == STREAM else self._unary
        began = self._clock.now()
        try:
            seen = await ask(chat("What is soft?", model=case.route))
        except grpc.aio.AioRpcError as error:
            seen = Seen(error=from_rpc_error(error))
        return replace(seen, seconds=self._clock.now() - began)

    async def _unary(self, question: chat_pb2.ChatRequest) -> Seen:
        reply = await self._stub.Generate(pb.GenerateRequest(chat=question), timeout=_PATIENCE)
        return Seen(finished=reply.finished, text=reply.choices[0].message.parts[0].text)

    async def _stream(self, question: chat_pb2.ChatRequest) -> Seen:
        request = pb.StreamGenerateRequest(chat=question)
        text, resets, finished = "", 0, None
        async for event in self._stub.StreamGenerate(request, timeout=_PATIENCE):
            if event.HasField("stream_reset"):
                text, resets = "", resets + 1
            text += event.delta.text
            finished = event.finished
        return Seen(finished=finished, resets=resets, text=text)
