"""A target that speaks OpenAI's chat completions over HTTP.

One pooled session a target. Always streamed, because a hang or a cut shows early only
in a stream. The walk watches the content; the client library gets connect and total.
"""

import asyncio
import errno
import io
import math
import socket
import ssl
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import replace

import aiohttp

from failsoft_kit.clock import Clock
from failsoft_model.events import Delta
from failsoft_model.walk import ErrorClass
from failsoft_router.adapters.resolver import AddressRefused, PublicOnly
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.ports import AttemptFailed, Credential, Piece, TargetCall
from failsoft_router.wire.openai.errors import from_response
from failsoft_router.wire.openai.request import dropped, encode
from failsoft_router.wire.openai.stream import ChunkReader
from failsoft_router.wire.sse import EventTooLong, SseParser

AFTER_FINISH = 0.25
"""Seconds that usage may follow the finish reason by, whatever else comes meanwhile."""

AFTER_END = 0.01
"""Seconds that the end of the body may follow the last event by. An answer whose body was
read to its end leaves a connection that the next call can use."""

IDLE_CONNECTION = 15.0
"""Seconds; a connection that was idle for longer may be half closed by the provider."""

_NOT_CONNECTED = {
    errno.ECONNREFUSED: "it was refused",
    errno.ECONNRESET: "it was reset",
    errno.ENETUNREACH: "the network cannot be reached",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ETIMEDOUT: "nobody answers there",
}

ERROR_BODY_WITHIN = 1.0
"""Seconds that an error's body may take. It says what the status means, and is not worth
a caller's time when it drips or has no end."""

_ERROR_BODY_BYTES = 64 * 1024
_LARGE_BODY = 1024 * 1024
"""Bytes; a longer body is handed over in pieces, so that writing it does not hold the loop."""
_READ_BUFFER = 256 * 1024


class OpenAiTarget:
    """One model behind one base URL."""

    def __init__(
        self, policy: TargetPolicy, *, credential: Credential | None, clock: Clock
    ) -> None:
        self._policy = policy
        self._credential = credential
        self._clock = clock
        self._url = f"{policy.endpoint}/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """See `ports.Target`."""
        body = encode(call.request, model=self._policy.model)
        # With an unlimited pool `connect` is name, TCP and TLS; `sock_connect` is TCP alone.
        timeout = aiohttp.ClientTimeout(total=call.total, connect=call.connect)
        replied = False
        try:
            async with self._open().post(
                self._url,
                data=body if len(body) < _LARGE_BODY else io.BytesIO(body),
                headers=self._headers(),
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                await self._check(response)
                replied = True
                reader = ChunkReader(model=self._policy.model)
                async for delta in _deltas(response.content, reader, self._clock):
                    yield delta
                yield replace(reader.ending(), dropped_parameters=dropped(call.request))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _failure(error, replied=replied) from error

    async def close(self) -> None:
        """See `ports.Target`."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._policy.allow_private else PublicOnly()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=IDLE_CONNECTION, resolver=resolver
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                headers={
                    "Accept": "text/event-stream",
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/json",
                    "User-Agent": "failsoft",
                },
            )
        return self._session

    def _headers(self) -> Mapping[str, str]:
        key = self._credential.value() if self._credential is not None else None
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        """Refuse a reply that is not the beginning of a stream."""
        if response.status != 200:
            body = await _beginning(response.content, self._clock)
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise from_response(response.status, headers, body, unix=self._clock.unix())
        if response.headers.get("Content-Encoding", "identity") != "identity":
            # Nothing is ever unpacked, so there is no bomb to fear.
            raise AttemptFailed(
                ErrorClass.MALFORMED, "the reply is compressed, unasked", http_status=200
            )
        if response.content_type != "text/event-stream":
            raise AttemptFailed(
                ErrorClass.MALFORMED,
                "the reply is no event stream; does the endpoint lead to an OpenAI-compatible API?",
                http_status=200,
            )


async def _beginning(content: aiohttp.StreamReader, clock: Clock) -> bytes:
    """An error's body, as far as it is read; it may come in several packets."""
    wait_until = clock.now() + ERROR_BODY_WITHIN
    body = b""
    while len(body) < _ERROR_BODY_BYTES and (chunk := await _read(content, wait_until, clock)):
        body += chunk
    return body[:_ERROR_BODY_BYTES]


async def _deltas(
    content: aiohttp.StreamReader, reader: ChunkReader, clock: Clock
) -> AsyncGenerator[Delta, None]:
    """The content of the body, up to its end or until nothing more is worth waiting for."""
    parser = SseParser()
    wait_until = math.inf
    over = False
    while chunk := await _read(content, wait_until, clock):
        if over:
            continue
        try:
            over = _is_over(parser.feed(chunk), reader)
        except EventTooLong:
            raise AttemptFailed(ErrorClass.MALFORMED, "an event has no end") from None
        for delta in reader.content():
            yield delta
        if over:
            wait_until = clock.now() + AFTER_END
        elif reader.finished and wait_until == math.inf:
            wait_until = clock.now() + AFTER_FINISH
    if not over:
        _is_over(parser.end(), reader)
        for delta in reader.content():
            yield delta


def _is_over(payloads: Iterable[bytes], reader: ChunkReader) -> bool:
    """Let the reader take these payloads; whether nothing worth waiting for follows."""
    for payload in payloads:
        if payload == b"[DONE]":
            return True
        reader.read(payload)
    return reader.complete


async def _read(content: aiohttp.StreamReader, wait_until: float, clock: Clock) -> bytes:
    """The next bytes; none at the end of the body, or when they do not come in time."""
    if wait_until == math.inf:
        return await content.readany()
    left = wait_until - clock.now()
    if left <= 0.0:
        return b""
    try:
        async with asyncio.timeout(left):
            return await content.readany()
    except TimeoutError:
        return b""


def _failure(error: Exception, *, replied: bool) -> AttemptFailed:
    """What a transport error means; its text may hold addresses and is not passed on.

    Args:
        replied: A stream had begun.
    """
    match error:
        case aiohttp.ConnectionTimeoutError():
            return AttemptFailed(
                ErrorClass.TIMEOUT_CONNECT, "no connection within its limit", sent=False
            )
        case TimeoutError():
            return AttemptFailed(ErrorClass.TIMEOUT_TOTAL, "the answer took too long")
        case _ if replied:
            return AttemptFailed(ErrorClass.TRUNCATED, "the connection broke in mid-answer")
        case aiohttp.ClientConnectorError():
            why = _why_not_connected(error)
            return AttemptFailed(ErrorClass.TRANSIENT, f"no connection: {why}", sent=False)
        case aiohttp.ClientResponseError():
            return AttemptFailed(ErrorClass.MALFORMED, "the reply is not HTTP")
        case _:
            return AttemptFailed(ErrorClass.TRANSIENT, "the connection was lost")


def _why_not_connected(error: aiohttp.ClientConnectorError) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "its TLS certificate is not trusted"
        case aiohttp.ClientSSLError():
            return "TLS failed"
    match error.os_error:
        case AddressRefused():
            return "its address is private, and `allow_private` is not set"
        case socket.gaierror():
            return "its name does not resolve"
        case ssl.SSLError():
            return "TLS failed"
        case other:
            return _NOT_CONNECTED.get(other.errno or 0, "the address cannot be used")
