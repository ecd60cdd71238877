"""A look-alike with answers of five contents, and callers that see every byte of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
import pytest

from failsoft_upstream import Options, Style, Upstream, running

CONTENTS = 5
_SOON_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP response as it came; `ended` is how: "end", "reset" or "closed" (too early)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ended: str

    def json(self) -> dict[str, object]:
        value = orjson.loads(self.body)
        assert isinstance(value, dict)
        return value


class Wire:
    """A raw HTTP/1.1 client connection: it forgives nothing and hides nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, path: str, body: bytes, *, method: str, headers: Mapping[str, str]) -> None:
        lines = [f"{method} {path} HTTP/1.1", "host: upstream", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        return int(first.split()[1]), headers

    async def chunk(self) -> bytes:
        """One chunk of a chunked body; empty: the body has ended."""
        size = int(await self.reader.readline(), 16)
        data = await self.reader.readexactly(size)
        assert await self.reader.readexactly(2) == b"\r\n"
        return data

    async def chunks(self) -> AsyncIterator[bytes]:
        while data := await self.chunk():
            yield data

    async def reply(self) -> Reply:
        status, headers = await self.head()
        body, ended = b"", "end"
        try:
            if "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            else:
                async for data in self.chunks():
                    body += data
        except ConnectionResetError:
            ended = "reset"
        except (asyncio.IncompleteReadError, ValueError):
            ended = "closed"
        return Reply(status=status, headers=headers, body=body, ended=ended)

    def reset_or_close(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Wire]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    wire = Wire(reader, writer)
    try:
        async with asyncio.timeout(_SOON_SECONDS):
            yield wire
    finally:
        wire.reset_or_close()


class Caller:
    """Asks a look-alike."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream

    @asynccontextmanager
    async def asking(
        self,
        *,
        fault: str | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> AsyncIterator[Wire]:
        """A connection on which a chat completion has been asked for."""
        question = {"role": "user", "content": "What is the capital of France?"}
        body = {"model": "gpt-5-mini", "messages": [question], **fields}
        extra = {} if fault is None else {"x-failsoft-fault": fault}
        async with connected(self.upstream.url) as wire:
            wire.send(
                "/v1/chat/completions",
                orjson.dumps(body),
                method="POST",
                headers={**extra, **(headers or {})},
            )
            yield wire

    async def chat(
        self,
        *,
        fault: str | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Reply:
        async with self.asking(fault=fault, headers=headers, **fields) as wire:
            return await wire.reply()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return await self.call("GET", path, headers=headers)

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        async with connected(url or self.upstream.url) as wire:
            wire.send(path, body, method=method, headers=headers or {})
            return await wire.reply()


def _events(body: bytes) -> list[bytes]:
    """The data of every event that was sent whole, comments left out."""
    blocks = body.split(b"\n\n")[:-1]
    return [block.removeprefix(b"data: ") for block in blocks if block.startswith(b"data: ")]


def _text(events: list[bytes]) -> str:
    """All text that the events carry."""
    chunks = [orjson.loads(event) for event in events if event != b"[DONE]"]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


@pytest.fixture
def events() -> Callable[[bytes], list[bytes]]:
    return _events


@pytest.fixture
def text_of() -> Callable[[list[bytes]], str]:
    return _text


@pytest.fixture
def contents() -> int:
    """Contents in every answer of `upstream`."""
    return CONTENTS


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with running(Options(style=Style(chunks=CONTENTS))) as upstream:
        yield upstream


@pytest.fixture
def caller(upstream: Upstream) -> Caller:
    return Caller(upstream)


@pytest.fixture
def caller_of() -> type[Caller]:
    """For tests that start a look-alike of their own."""
    return Caller


@pytest.fixture
def connect() -> Callable[[str], AbstractAsyncContextManager[Wire]]:
    return connected
