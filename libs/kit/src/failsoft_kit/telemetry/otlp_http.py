"""OTLP over HTTP with protobuf bodies."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from failsoft_kit.telemetry.export import ExportFailed, Unwanted, refused

_OK = range(200, 300)
_NOT_FOUND = 404
_TRANSIENT = frozenset({429, 502, 503, 504})
_MOST_READ = 65536
"""Bytes of a reply: one that says what was refused has some hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    after: float | None
    """Seconds of its Retry-After; None: there is none, or it is a date."""
    body: bytes


class HttpExporter:
    """Posts batches to a collector's HTTP port, each over a connection of its own.

    A batch leaves at most once a second, so a pool would save nothing worth its code.

    Args:
        url: The whole URL, path included.
        timeout: Seconds for one batch.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str], timeout: float) -> None:
        self._url = urlsplit(url)
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        self._head = _head(self._url, headers)
        self._timeout = timeout

    async def export(self, request: bytes) -> int:
        """Send one batch; how much of it was refused. Raises `ExportFailed`."""
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._post(request)
        except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
            raise ExportFailed(f"no answer: {type(error).__name__}", again=True) from error
        if reply.status == _NOT_FOUND:
            raise Unwanted(f"HTTP status {reply.status}")
        if reply.status not in _OK:
            again = reply.status in _TRANSIENT
            raise ExportFailed(f"HTTP status {reply.status}", again=again, after=reply.after)
        return refused(reply.body)

    async def close(self) -> None:
        """Nothing stays open between batches."""

    async def _post(self, body: bytes) -> _Reply:
        port = self._url.port or (443 if self._tls else 80)
        reader, writer = await asyncio.open_connection(self._url.hostname, port, ssl=self._tls)
        try:
            writer.write(self._head + b"Content-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
            return await _read_reply(reader)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_reply(reader: asyncio.StreamReader) -> _Reply:
    """The reply; its body only where its length is told, as collectors do for short ones."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = int(headers.get("content-length", "0"))
    after = headers.get("retry-after", "")
    return _Reply(
        status=int(status_line.split()[1]),
        after=float(after) if after.isascii() and after.isdigit() else None,
        body=await reader.readexactly(min(length, _MOST_READ)),
    )


def _head(url: SplitResult, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"POST {url.path or '/'}{'?' + url.query if url.query else ''} HTTP/1.1",
        f"Host: {url.netloc.rpartition('@')[2]}",
        "Content-Type: application/x-protobuf",
        "Connection: close",
        *(f"{key}: {value}" for key, value in headers.items()),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
