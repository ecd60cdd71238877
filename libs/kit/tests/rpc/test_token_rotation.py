"""A service token is replaced while services call each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.identity.rotation import HOLD_BACK_SECONDS, LAG_SECONDS, OVERLAP_SECONDS
from failsoft_kit.testing.clock import SettableClock
from failsoft_kit.testing.echo import UNARY, Echo, EchoStub
from failsoft_kit.testing.grpc import channel_to, service_of

pytestmark = pytest.mark.integration

OLD, NEW = "old-" * 10, "new-" * 10
NEWEST = "newest-" * 6
WITHIN = 20.0
BY_LINES = [OLD, f"{OLD}\n{NEW}\n", f"{NEW}\n{OLD}\n", NEW]
"""What the file holds, step by step."""


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def callers_file(tmp_path: Path) -> Path:
    return written(tmp_path / "router", OLD)


@pytest.fixture
def callees_file(tmp_path: Path) -> Path:
    return written(tmp_path / "local-llm", OLD)


@pytest.mark.parametrize("callee_is_first", [True, False])
async def test_a_secret_that_is_replaced_in_one_step_refuses_no_call(
    callers_file: Path, callees_file: Path, clock: SettableClock, callee_is_first: bool
) -> None:
    """Each call that was refused put the model in quarantine, and others answered.

    The old token is forgotten in the end, so the new one is what is shown then.
    """
    files = [callees_file, callers_file] if callee_is_first else [callers_file, callees_file]
    async with calling(callers_file, callees_file, clock) as caller:
        written(files[0], NEW)
        await calls_are_answered(caller, clock, seconds=LAG_SECONDS)
        written(files[1], NEW)
        await calls_are_answered(caller, clock, seconds=HOLD_BACK_SECONDS + OVERLAP_SECONDS)


async def test_who_goes_on_showing_the_old_token_is_refused_in_the_end(
    callers_file: Path, callees_file: Path, clock: SettableClock
) -> None:
    async with calling(callers_file, callees_file, clock) as caller:
        written(callees_file, NEW)
        await calls_are_answered(caller, clock, seconds=OVERLAP_SECONDS)
        clock.time += 1.0

        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await caller.unary(StringValue())
    assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_that_came_and_went_while_nobody_called_is_believed(
    callers_file: Path, callees_file: Path, clock: SettableClock
) -> None:
    """A model is idle while providers answer; when they fail, callers show what they have shown
    for a month."""
    written(callers_file, NEW)
    looked_at = ClockThatTells()
    async with calling(callers_file, callees_file, clock, callees_clock=looked_at) as caller:
        written(callees_file, NEW)
        looked_at.time += HOLD_BACK_SECONDS
        await looked_at.is_asked()
        written(callees_file, NEWEST)
        looked_at.time += 1.0

        await caller.unary(StringValue())


@pytest.mark.parametrize(("before", "after"), list(pairwise(BY_LINES)))
@pytest.mark.parametrize("callee_is_first", [True, False])
async def test_by_lines_even_services_that_start_meanwhile_refuse_no_call(
    callers_file: Path,
    callees_file: Path,
    clock: SettableClock,
    before: str,
    after: str,
    callee_is_first: bool,
) -> None:
    """Who has just started knows nothing but its file, and shows the first line at once."""
    written(callers_file, before if callee_is_first else after)
    written(callees_file, after if callee_is_first else before)

    async with calling(callers_file, callees_file, clock) as caller:
        await caller.unary(StringValue())


class ClockThatTells(SettableClock):
    """Tells when it is asked, which is whenever the file is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = asyncio.Event()

    def now(self) -> float:
        self._asked.set()
        return super().now()

    async def is_asked(self) -> None:
        """Wait until it is, from now on."""
        self._asked.clear()
        async with asyncio.timeout(WITHIN):
            await self._asked.wait()


@asynccontextmanager
async def calling(
    callers_file: Path,
    callees_file: Path,
    clock: SettableClock,
    *,
    callees_clock: SettableClock | None = None,
) -> AsyncIterator[EchoStub]:
    """One service that calls another one, each with a file of its own."""
    service = service_of(
        Echo().register,
        access={UNARY: Access.SERVICE},
        token=ServiceToken.from_file(callees_file, clock=callees_clock or clock),
    )
    shown = ServiceToken.from_file(callers_file, clock=clock)
    async with channel_to(service, token=shown) as channel:
        yield EchoStub(channel)


async def calls_are_answered(caller: EchoStub, clock: SettableClock, *, seconds: float) -> None:
    """One every second."""
    until = clock.time + seconds
    while clock.time < until:
        clock.time += 1.0
        await caller.unary(StringValue())


def written(file: Path, content: str) -> Path:
    file.write_text(content)
    return file
