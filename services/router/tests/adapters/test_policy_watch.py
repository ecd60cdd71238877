"""A change of the policy's file is noticed, whatever made it, and half a file is not believed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from failsoft_kit.testing import virtual_time
from failsoft_router.adapters.policy_watch import PolicyWatch


class Page:
    """A file whose content changes when a test says so; `followed` is what was read, and when."""

    def __init__(self) -> None:
        self.content = self.last_read = "old"
        self.followed: list[tuple[float, str]] = []
        self.watch = PolicyWatch(
            look=self.look, follow=self.follow, last_read=lambda: self.last_read
        )
        self._began = asyncio.get_running_loop().time()

    async def look(self) -> str:
        return self.content

    async def follow(self) -> None:
        self.last_read = self.content
        self.followed.append((asyncio.get_running_loop().time() - self._began, self.content))

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self.watch.run())
            yield
            watching.cancel()


@virtual_time.test
async def test_a_file_that_stays_as_it_is_is_never_read_again() -> None:
    page = Page()
    async with page.watched():
        await asyncio.sleep(3600.0)

    assert page.followed == []


@virtual_time.test
async def test_a_change_is_followed_within_two_seconds_and_once() -> None:
    page = Page()
    async with page.watched():
        await asyncio.sleep(10.5)
        page.content = "new"
        await asyncio.sleep(60.0)

    assert page.followed == [(12.0, "new")]


@virtual_time.test
async def test_a_file_that_is_being_written_is_not_followed_half_way() -> None:
    """A policy that lacks its end can be one without a mistake."""
    page = Page()
    async with page.watched():
        for content in ("", "ne", "new"):
            await asyncio.sleep(0.9)
            page.content = content
        await asyncio.sleep(60.0)

    assert [content for _, content in page.followed] == ["new"]


@virtual_time.test
async def test_a_change_that_is_taken_back_at_once_is_none() -> None:
    page = Page()
    async with page.watched():
        await asyncio.sleep(0.9)
        page.content = "new"
        await asyncio.sleep(0.9)
        page.content = "old"
        await asyncio.sleep(60.0)

    assert page.followed == []


@virtual_time.test
async def test_a_change_that_is_taken_back_later_is_one_more() -> None:
    page = Page()
    async with page.watched():
        for content in ("new", "old"):
            page.content = content
            await asyncio.sleep(10.0)

    assert [content for _, content in page.followed] == ["new", "old"]


@virtual_time.test
async def test_an_edit_that_was_put_in_force_at_once_can_be_taken_back_at_once() -> None:
    """`failsoft reload` between two looks: the edit stayed in force for ever."""
    page = Page()
    async with page.watched():
        await asyncio.sleep(10.2)
        page.content = "new"
        page.last_read = "new"
        await asyncio.sleep(0.5)
        page.content = "old"
        await asyncio.sleep(60.0)

    assert [content for _, content in page.followed] == ["old"]
    assert page.last_read == "old"


@virtual_time.test
async def test_who_asks_is_not_kept_waiting() -> None:
    """A signal is an order: it is obeyed at once, and as often as it comes."""
    page = Page()
    async with page.watched():
        for after in (0.25, 1.25):
            await asyncio.sleep(after)
            page.watch.ask()
        await asyncio.sleep(60.0)

    assert page.followed == [(0.25, "old"), (1.5, "old")]
