"""What outlives its request belongs to the process, and cannot end it."""

import asyncio

from failsoft_kit.testing import virtual_time
from failsoft_router.app.hops.supervisor import Supervisor


async def broken() -> None:
    raise RuntimeError("a mistake of ours")


@virtual_time.test
async def test_a_mistake_in_what_was_left_running_ends_nothing_else() -> None:
    """A slip in one probe's call ended the router, with every stream of everybody."""
    supervisor, ended = Supervisor(), asyncio.Event()

    async def goes_on() -> None:
        await asyncio.sleep(5.0)
        ended.set()

    async with supervisor.owning():
        supervisor.adopt(goes_on)
        failed = supervisor.adopt(broken)
        await asyncio.sleep(10.0)

    assert ended.is_set()
    assert failed.done()
    assert supervisor.adopted == 0


@virtual_time.test
async def test_what_still_runs_at_the_end_is_ended_with_it() -> None:
    supervisor = Supervisor()

    async def goes_on() -> None:
        await asyncio.sleep(3600.0)

    async with supervisor.owning():
        left = supervisor.adopt(goes_on)
        await asyncio.sleep(1.0)

    assert left.cancelled()
