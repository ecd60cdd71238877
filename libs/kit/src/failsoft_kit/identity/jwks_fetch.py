"""One GET of an issuer's keys."""

import aiohttp

from failsoft_kit.identity.jwks import MAX_BYTES
from failsoft_kit.identity.jwks_url import FetchFailed

_OK = 200


async def fetch_key_set(url: str) -> bytes:
    """What is at the URL: its own answer with status 200, and no redirect's.

    Raises:
        FetchFailed: there was none, or it is larger than a set of keys can be.
    """
    try:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(
                url, allow_redirects=False, headers={"accept-encoding": "identity"}
            ) as reply,
        ):
            if reply.status != _OK:
                raise FetchFailed(f"it answered with status {reply.status}")
            return await _bounded(reply.content)
    except (aiohttp.ClientError, OSError) as error:
        raise FetchFailed(f"it cannot be asked ({type(error).__name__})") from error


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > MAX_BYTES:
            raise FetchFailed("it is larger than 1 MiB")
    return bytes(body)
