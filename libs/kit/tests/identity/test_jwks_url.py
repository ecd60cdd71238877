"""An issuer's keys are fresh, and nobody waits for them or has them fetched without an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from issuer import Issuer

from failsoft_kit.clock import LoopClock
from failsoft_kit.identity.errors import KeysUnavailable
from failsoft_kit.identity.jwks_url import (
    FETCH_SECONDS,
    PAUSE_SECONDS,
    REFRESH_SECONDS,
    FetchFailed,
    JwksUrl,
)
from failsoft_kit.testing import virtual_time


class Published:
    """What is at the URL; None: nothing answers."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content
        self.asked_at: list[float] = []
        self.hangs = False

    async def fetch(self) -> bytes:
        self.asked_at.append(asyncio.get_running_loop().time())
        if self.hangs:
            await asyncio.Event().wait()
        if self.content is None:
            raise FetchFailed("it is away")
        return self.content


@asynccontextmanager
async def running(published: Published) -> AsyncIterator[JwksUrl]:
    source = JwksUrl(published.fetch, clock=LoopClock())
    await source.fetch()
    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(source.run())
        yield source
        job.cancel()


@virtual_time.test
async def test_keys_are_fetched_again_every_five_minutes(issuer: Issuer) -> None:
    published = Published(issuer.key_set("curve"))
    async with running(published) as source:
        published.content = issuer.key_set("next")
        await asyncio.sleep(REFRESH_SECONDS + 1)

        assert len(published.asked_at) == 2
        assert source.find("next") is not None
        assert source.find("curve") is None


@virtual_time.test
async def test_a_new_key_is_fetched_when_a_token_has_it(issuer: Issuer) -> None:
    """Its caller is told to come back, and the next one is let in."""
    published = Published(issuer.key_set("curve"))
    async with running(published) as source:
        await asyncio.sleep(PAUSE_SECONDS)
        published.content = issuer.key_set("curve", "next")

        with pytest.raises(KeysUnavailable) as told:
            source.find("next")
        await asyncio.sleep(0.1)

        assert told.value.retry_after == 1.0
        assert source.find("next") is not None


@virtual_time.test
async def test_tokens_with_made_up_keys_fetch_no_more_than_once_a_pause(
    issuer: Issuer,
) -> None:
    published = Published(issuer.key_set("curve"))
    async with running(published) as source:
        for number in range(600):
            with suppress(KeysUnavailable):
                source.find(f"made up {number}")
            assert source.find("curve") is not None
            await asyncio.sleep(0.1)

    assert len(published.asked_at) <= 1 + 60 / PAUSE_SECONDS


@virtual_time.test
async def test_the_last_keys_stay_while_the_issuer_is_away(issuer: Issuer) -> None:
    published = Published(issuer.key_set("curve"))
    async with running(published) as source:
        for away in (None, b"<html>", b'{"keys": []}'):
            published.content = away
            await asyncio.sleep(REFRESH_SECONDS + 1)
            assert source.find("curve") is not None

        published.content = issuer.key_set("next")
        await asyncio.sleep(PAUSE_SECONDS + 1)
        assert source.find("next") is not None


@virtual_time.test
async def test_an_issuer_that_is_away_at_first_is_asked_again_soon(issuer: Issuer) -> None:
    published = Published(None)
    async with running(published) as source:
        with pytest.raises(KeysUnavailable):
            source.find("curve")
        published.content = issuer.key_set("curve")
        await asyncio.sleep(PAUSE_SECONDS + 1)

        assert source.find("curve") is not None


@virtual_time.test
async def test_an_issuer_that_hangs_holds_the_start_up_for_seconds_only() -> None:
    published = Published(None)
    published.hangs = True
    source = JwksUrl(published.fetch, clock=LoopClock())
    began = asyncio.get_running_loop().time()

    await source.fetch()

    assert asyncio.get_running_loop().time() - began == FETCH_SECONDS


@virtual_time.test
async def test_a_call_that_comes_while_keys_are_fetched_is_not_refused_for_good(
    issuer: Issuer,
) -> None:
    published = Published(issuer.key_set("curve"))
    async with running(published) as source:
        published.hangs = True
        await asyncio.sleep(REFRESH_SECONDS + 1)

        with pytest.raises(KeysUnavailable):
            source.find("next")
