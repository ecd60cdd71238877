"""The course of an outage: well, dead, repaired, back."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from benchmarks.outage.callers import Callers
from benchmarks.outage.promises import Course
from benchmarks.outage.stage import FIRST
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft.router.v1 import admin_service_pb2_grpc as admin_grpc
from failsoft_kit.clock import Clock
from failsoft_upstream import faults
from failsoft_upstream.faults import Fault
from failsoft_upstream.remote_control import RemoteControl

if TYPE_CHECKING:
    from failsoft.router.v1.admin_service_pb2_grpc import RouterAdminServiceAsyncStub

FAULTS: dict[str, Fault] = {
    "hangs": faults.Hang(),
    "answers 500": faults.Status(status=500),
    "refuses connections": faults.Refuse(),
}

IN_A_ROW = 10
"""Answers of the first target after which it counts as back."""

_LOOK = 0.02
_LONGEST = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Seconds of being well, and of being dead."""

    well: float
    dead: float


class Director:
    """Lets the first target die and come back, while callers come."""

    def __init__(
        self, *, first: RemoteControl, admin: grpc.aio.Channel, callers: Callers, clock: Clock
    ) -> None:
        self._first = first
        self._admin: RouterAdminServiceAsyncStub = admin_grpc.RouterAdminServiceStub(admin)
        self._callers = callers
        self._clock = clock

    async def play(self, name: str, fault: Fault, lengths: Lengths) -> Course:
        """One outage from its beginning to the target's return.

        Raises:
            TimeoutError: It did not come back.
        """
        well_from = self._clock.now()
        await asyncio.sleep(lengths.well)
        calls = await self._calls()
        begun = self._clock.now()
        await asyncio.to_thread(self._first.set_fault, fault)
        await asyncio.sleep(lengths.dead)
        open_left = await self._wait_until_open()
        repaired = self._clock.now()
        counted = None if isinstance(fault, faults.Refuse) else await self._calls() - calls
        await asyncio.to_thread(self._first.clear_fault)
        async with asyncio.timeout(_LONGEST):
            await self._callers.first_is_back(since=repaired, answers=IN_A_ROW)
        return Course(
            fault=name,
            well_from=well_from,
            begun=begun,
            repaired=repaired,
            over=self._clock.now(),
            open_left=open_left,
            calls=counted,
        )

    async def _calls(self) -> int:
        return (await asyncio.to_thread(self._first.calls_by_model)).get(FIRST, 0)

    async def _wait_until_open(self) -> float:
        """A repair while a probe is out is not what the promise is about: that probe hangs on.

        Returns:
            Seconds that the breaker stays open.
        """
        async with asyncio.timeout(_LONGEST):
            while True:
                reply = await self._admin.ListTargets(admin_pb.ListTargetsRequest())
                breaker = reply.targets[0].breaker
                if breaker.state == admin_pb.BREAKER_STATE_OPEN and breaker.HasField("due_in"):
                    return float(breaker.due_in.ToNanoseconds()) / 1e9
                await asyncio.sleep(_LOOK)
