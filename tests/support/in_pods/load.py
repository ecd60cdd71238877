"""`python -m in_pods.load [--grpc N] [--http N] … [--seconds S]`: streams, one after the other.

Each worker asks for a stream, reads it to its end, and asks for the next one, until SIGTERM or
S seconds are over; what runs then is read to its end. /tmp/flowing is there once each kind has
had a stream. What was seen is one line of JSON:

    {"grpc": {"whole": 41, "degraded": {"mock": 1}, "longest": 2.1, "lost": [[t, what], …]}, …}

    grpc      over one connection to the router's Service, as most callers have it
    headless  over a connection to each router, in turns, as callers that balance by themselves
    http      server-sent events, over connections that are kept alive
    local     like `grpc`, on the route of the local model alone
    long      answers of 20 s, over gRPC and over HTTP: longer than a router that ends is waited for
              before it is told so
    each      to each router alone, over gRPC and over HTTP; its address is told as the kind

A stream is whole when it ended with a finish reason and said something. `lost` is every other one,
with the second in which it ended; `longest` is in seconds.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import grpc

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from in_pods import question
from in_pods.ask import word

FLOWING = Path("/tmp/flowing")  # noqa: S108 - of this pod alone
MOST_SECONDS = 900
STREAM_SECONDS = 60.0
PAUSE_SECONDS = 0.2
"""After a lost one, so that an outage is not a flood."""
TOKENS, LONG_TOKENS = 20, 200

Stream = Callable[[], Awaitable[str]]
"""Reads one stream; gives its degradation. Raises `Lost`."""


class Lost(Exception):
    """A stream that did not come, or did not come to its end; the message says how."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What became of one kind's streams."""

    whole: int = 0
    degraded: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    lost: list[tuple[float, str]] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        return {
            "whole": self.whole,
            "degraded": self.degraded,
            "longest": round(self.longest, 1),
            "lost": self.lost,
        }


async def main() -> None:
    wanted = vars(_arguments())
    seconds = wanted.pop("seconds")
    async with contextlib.AsyncExitStack() as stack:
        streams = await streams_by_kind(wanted, stack)
        seen = {kind: Seen() for kind in streams}

        def on_whole() -> None:
            if all(told.whole for told in seen.values()):
                FLOWING.touch()

        ended = asyncio.Event()
        async with asyncio.TaskGroup() as workers:
            workers.create_task(_wait_for_the_end(ended, seconds))
            for kind, told in seen.items():
                for stream in streams[kind]:
                    workers.create_task(work(stream, told, ended, on_whole))
    sys.stdout.write(json.dumps({kind: told.told() for kind, told in seen.items()}) + "\n")


async def streams_by_kind(
    wanted: Mapping[str, int], stack: contextlib.AsyncExitStack
) -> Mapping[str, Sequence[Stream]]:
    """Of each kind that is wanted, what its workers read; the stack closes their connections."""
    limit = aiohttp.ClientTimeout(total=STREAM_SECONDS)
    session = await stack.enter_async_context(aiohttp.ClientSession(timeout=limit))

    async def channel(host: str, *options: tuple[str, str | int]) -> grpc.aio.Channel:
        target = f"dns:///{host}:{question.GRPC_PORT}"
        return await stack.enter_async_context(grpc.aio.insecure_channel(target, options=options))

    one = await channel(os.environ["ROUTER"])
    in_turns = await channel(os.environ["HEADLESS"], *_IN_TURNS)
    kinds: dict[str, Sequence[Stream]] = {
        "grpc": [partial(over_grpc, one, "chat")],
        "headless": [partial(over_grpc, in_turns, "chat")],
        "http": [partial(over_http, session, "chat")],
        "local": [partial(over_grpc, one, "local")],
        "long": [
            partial(over_grpc, one, "chat", tokens=LONG_TOKENS),
            partial(over_http, session, "chat", tokens=LONG_TOKENS),
        ],
    }
    streams = {kind: [*each] * wanted[kind] for kind, each in kinds.items() if wanted[kind]}
    for address in await _routers() if wanted["each"] else ():
        both = (
            partial(over_grpc, await channel(address), "chat"),
            partial(over_http, session, "chat", host=address),
        )
        streams[address] = [*both] * wanted["each"]
    return streams


async def _routers() -> Sequence[str]:
    """The addresses of those that are ready."""
    found = await asyncio.get_running_loop().getaddrinfo(
        os.environ["HEADLESS"], question.GRPC_PORT, type=socket.SOCK_STREAM
    )
    return sorted({str(address[0]) for *_, address in found})


_IN_TURNS = (
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
    ("grpc.dns_min_time_between_resolutions_ms", 1000),
)


async def work(
    stream: Stream, seen: Seen, ended: asyncio.Event, on_whole: Callable[[], None]
) -> None:
    """Read streams, one after the other."""
    while not ended.is_set():
        began = time.monotonic()  # noqa: TID251 - a program of its own, on real time
        try:
            degradation = await stream()
        except Lost as lost:
            seen.lost.append((round(time.time(), 1), str(lost)))  # noqa: TID251
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        seen.whole += 1
        seen.longest = max(seen.longest, time.monotonic() - began)  # noqa: TID251
        if degradation != "none":
            seen.degraded[degradation] += 1
        on_whole()


async def over_grpc(channel: grpc.aio.Channel, route: str, *, tokens: int = TOKENS) -> str:
    chat = question.chat(route, words=question.words(), tokens=tokens)
    call = InferenceServiceStub(channel).StreamGenerate(
        pb.StreamGenerateRequest(chat=chat), timeout=STREAM_SECONDS, metadata=question.metadata()
    )
    finished, has_text = None, False
    try:
        async for event in call:
            has_text = has_text or bool(event.delta.text)
            if event.HasField("finished"):
                finished = event.finished
    except grpc.aio.AioRpcError as error:
        where = "in its midst" if has_text else "before its first word"
        raise Lost(f"{where}: {error.code().name}: {error.details()}") from error
    if finished is None or not finished.finish_reason or not has_text:
        raise Lost("no finish reason, or no text")
    return word(chat_pb2.Degradation.DESCRIPTOR, finished.degradation)


async def over_http(
    session: aiohttp.ClientSession, route: str, *, host: str = "", tokens: int = TOKENS
) -> str:
    body = question.body(route, words=question.words(), tokens=tokens, stream=True)
    url = question.url(host)
    last, events = "", 0
    try:
        async with session.post(url, json=body, headers=question.headers()) as reply:
            if reply.status != 200:
                raise Lost(f"before its first word: {reply.status}: {await reply.text()}")
            degradation = reply.headers["x-failsoft-degradation"]
            async for line in reply.content:
                if line.startswith(b"data: "):
                    last, events = line.decode().strip(), events + 1
    except (aiohttp.ClientError, TimeoutError) as error:
        where = "in its midst" if events else "before its first word"
        raise Lost(f"{where}: {error!r}") from error
    if last != "data: [DONE]":
        raise Lost(f"in its midst: the last event is {last}")
    return degradation


async def _wait_for_the_end(ended: asyncio.Event, seconds: float) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ended.wait()
    ended.set()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for kind in ("grpc", "headless", "http", "local", "long", "each"):
        parser.add_argument(f"--{kind}", type=int, default=0, help="workers")
    parser.add_argument("--seconds", type=int, default=MOST_SECONDS)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
