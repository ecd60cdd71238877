"""A target that answers a POST by an event stream; what is said in both is its codec's.

One pooled session a target. Always streamed, because a hang or a cut shows early only
in a stream. The walk watches the content; the client library gets connect and total.
"""

import errno
import io
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping

import aiohttp

from failsoft_kit.clock import Clock
from failsoft_model.walk import ErrorClass
from failsoft_router.adapters.certificates import trusting
from failsoft_router.adapters.event_body import Gulps, deltas, read_any
from failsoft_router.adapters.resolver import AddressRefused, PublicOnly
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.ports import AttemptFailed, Credential, Piece, TargetCall
from failsoft_router.wire.codec import Codec

IDLE_CONNECTION = 15.0
"""Seconds; a connection that was idle for longer may be half closed by the provider."""

_NOT_CONNECTED = {
    errno.ECONNREFUSED: "it was refused",
    errno.ECONNRESET: "it was reset",
    errno.ENETUNREACH: "the network cannot be reached",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ETIMEDOUT: "nobody answers there",
}

_PROXY_SAYS = {
    403: "its proxy forbids it",
    407: "its proxy wants another `proxy_credential`",
}

ERROR_BODY_WITHIN = 1.0
"""Seconds that an error's body may take. It says what the status means, and is not worth
a caller's time when it drips or has no end."""

_ERROR_BODY_BYTES = 64 * 1024
_LARGE_BODY = 1024 * 1024
"""Bytes; a longer body is handed over in pieces, so that writing it does not hold the loop."""
_READ_BUFFER = 256 * 1024


class HttpTarget:
    """One model behind one base URL."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        codec: Codec,
        credential: Credential | None,
        clock: Clock,
        proxy_credential: Credential | None = None,
    ) -> None:
        """
        Args:
            proxy_credential: `user:password` for the policy's proxy.
        """
        self._policy = policy
        self._codec = codec
        self._credential = credential
        self._clock = clock
        self._proxy_credential = proxy_credential
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """See `ports.Target`."""
        codec = self._codec
        post = codec.encode(call.request)
        # With an unlimited pool `connect` is name, TCP and TLS; `sock_connect` is TCP alone.
        timeout = aiohttp.ClientTimeout(total=call.total, connect=call.connect)
        asked_at, replied = self._clock.now(), False
        try:
            async with self._open().post(
                f"{self._policy.endpoint}{post.path}",
                data=post.body if len(post.body) < _LARGE_BODY else io.BytesIO(post.body),
                headers=self._headers(),
                timeout=timeout,
                allow_redirects=False,
                proxy=self._policy.proxy or None,
                proxy_headers=self._proxy_headers(),
            ) as response:
                await self._check(response)
                replied = True
                reader = codec.reader(call.request)
                gulps = Gulps(asked_at=asked_at, end_at=asked_at + call.total)
                async for delta in deltas(
                    response,
                    reader,
                    clock=self._clock,
                    gulps=gulps if call.in_gulps else None,
                ):
                    yield delta
                yield reader.ending(dropped_parameters=codec.dropped(call.request))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _failure(error, replied=replied) from error

    async def close(self) -> None:
        """See `ports.Target`."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
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

    def _connector(self) -> aiohttp.TCPConnector:
        policy = self._policy
        # Behind a proxy it is the proxy's name that we look up, and it is in our own network.
        anywhere = policy.allow_private or bool(policy.proxy)
        return aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=IDLE_CONNECTION,
            resolver=None if anywhere else PublicOnly(),
            ssl=trusting(policy.ca_certificates) if policy.ca_certificates else True,
        )

    def _proxy_headers(self) -> Mapping[str, str] | None:
        secret = self._proxy_credential.value() if self._proxy_credential is not None else None
        if secret is None:
            return None
        # The client library makes it the proxy's, in a tunnel and without.
        user, _, password = secret.partition(":")
        return {"Authorization": aiohttp.encode_basic_auth(user, password)}

    def _headers(self) -> Mapping[str, str]:
        key = self._credential.value() if self._credential is not None else None
        return self._codec.headers(key)

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        """Refuse a reply that is not the beginning of a stream."""
        if response.status != 200:
            body = await _beginning(response.content, self._clock)
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise self._codec.refusal(response.status, headers, body, unix=self._clock.unix())
        if response.headers.get("Content-Encoding", "identity") != "identity":
            # Nothing is ever unpacked, so there is no bomb to fear.
            raise AttemptFailed(
                ErrorClass.MALFORMED, "the reply is compressed, unasked", http_status=200
            )
        if response.content_type != "text/event-stream":
            raise AttemptFailed(
                ErrorClass.MALFORMED,
                f"the reply is no event stream; does the endpoint lead to {self._codec.api}?",
                http_status=200,
            )


async def _beginning(content: aiohttp.StreamReader, clock: Clock) -> bytes:
    """An error's body, as far as it is read; it may come in several packets."""
    wait_until = clock.now() + ERROR_BODY_WITHIN
    body = b""
    while len(body) < _ERROR_BODY_BYTES and (chunk := await read_any(content, wait_until, clock)):
        body += chunk
    return body[:_ERROR_BODY_BYTES]


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
        case aiohttp.ClientHttpProxyError():
            return AttemptFailed(
                ErrorClass.TRANSIENT,
                f"no connection: {_PROXY_SAYS.get(error.status, f'its proxy says {error.status}')}",
                sent=False,
            )
        case aiohttp.ClientConnectorError():
            why = _why_not_connected(error)
            return AttemptFailed(ErrorClass.TRANSIENT, f"no connection: {why}", sent=False)
        case aiohttp.ClientResponseError():
            return AttemptFailed(ErrorClass.MALFORMED, "the reply is not HTTP")
        case _:
            return AttemptFailed(ErrorClass.TRANSIENT, "the connection was lost")


def _why_not_connected(error: aiohttp.ClientConnectorError) -> str:
    match error:
        case aiohttp.ClientProxyConnectionError():
            return "its proxy cannot be reached"
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
