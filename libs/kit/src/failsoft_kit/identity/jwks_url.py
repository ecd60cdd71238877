"""An issuer's keys at a URL: fetched in the background, never while a call waits.

    start -> fetch -> keys, for REFRESH_SECONDS -> fetch -> …
                  \\-> failed: those that there were, for PAUSE_SECONDS -> fetch -> …

A token with an unknown key id wakes the fetching, at most once in PAUSE_SECONDS, so that a new key
of the issuer is known at once and nobody can have us ask it without an end. Its caller is told to
come back in a second.
A key that the issuer no longer lists is gone with the next fetch. While the issuer is away its
last keys stay: it would be the wrong time to lock everybody out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.identity.errors import KeysUnavailable
from failsoft_kit.identity.jwks import KeySet, NoKeys, SigningKey, parse_key_set

REFRESH_SECONDS = 300.0
PAUSE_SECONDS = 10.0
FETCH_SECONDS = 5.0

_COME_BACK_SECONDS = 1.0

Fetch = Callable[[], Awaitable[bytes]]
"""Gives what is at the URL now, or raises FetchFailed."""

_log: FilteringBoundLogger = structlog.get_logger()


class FetchFailed(Exception):
    """The URL gave nothing of use, in words for the operator."""


class JwksUrl:
    """The keys at a URL; `run` is to go on beside the calls."""

    def __init__(self, fetch: Fetch, *, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: KeySet | None = None
        self._began_at = float("-inf")
        self._fetching = False
        self._is_fresh = False
        self._wanted = asyncio.Event()

    def find(self, kid: str) -> SigningKey | None:
        """See `KeySource`."""
        key = None if self._keys is None else self._keys.get(kid)
        if key is not None:
            return key
        due = self._clock.now() - self._began_at >= PAUSE_SECONDS
        if due:
            self._wanted.set()
        if due or self._fetching or self._keys is None:
            raise KeysUnavailable(
                "the keys of the token's issuer are being fetched", retry_after=_COME_BACK_SECONDS
            )
        return None

    async def run(self) -> None:
        """Keep the keys fresh until it is cancelled."""
        while True:
            await self._until_due()
            await self.fetch()

    async def fetch(self) -> None:
        """Ask the issuer once, for at most FETCH_SECONDS."""
        self._began_at, self._fetching, self._is_fresh = self._clock.now(), True, False
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                self._keys = parse_key_set(await self._fetch())
            self._is_fresh = True
        except TimeoutError:
            self._failed(f"there was no answer in {FETCH_SECONDS:g} s")
        except (FetchFailed, NoKeys) as error:
            self._failed(str(error))
        finally:
            self._fetching = False

    async def _until_due(self) -> None:
        self._wanted.clear()
        pause = REFRESH_SECONDS if self._is_fresh else PAUSE_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(self._began_at + pause - self._clock.now()):
                await self._wanted.wait()

    def _failed(self, problem: str) -> None:
        _log.warning("identity.keys_not_fetched", problem=problem, kept=self._keys is not None)
