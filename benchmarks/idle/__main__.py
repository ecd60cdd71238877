"""Open a thousand streams that pause after their first piece, and print the memory of each.

    python -m benchmarks.idle [--clients 1000]

The provider says one piece and then nothing. Each client has a connection to the router, and
the router one to the provider for it. Fails when a client costs more than it may, when a stream
is lost, or when somebody who comes after all of them is not answered.
"""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import uvloop
import yaml

from benchmarks.processes import free_port, start, wait_until_connected

AT_MOST = 128
"""KiB of the router's memory for each client."""
SPARE_FILES = 256
AT_ONCE = 50
"""Clients that open their streams at the same time."""
PIECES = ("--chunks", "2", "--chunk-delay", "500")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running router.

    Attributes:
        base_url: Of its HTTP API.
    """

    base_url: str
    router: psutil.Process

    def memory(self) -> int:
        """Bytes that it keeps in memory."""
        size: int = self.router.memory_info().rss
        return size


def allow_files(clients: int) -> None:
    """Let this process and those that it starts have two connections for each client.

    Raises:
        SystemExit: The system's hard limit is lower.
    """
    wanted = 2 * clients + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"{clients} clients need {wanted} open files, and this user may have {hard}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def policy(*, pausing: str, well: str, clients: int) -> dict[str, object]:
    """A route to a provider that pauses, and one to a provider that does not."""
    patient = {"first_content": "60s", "stall": "590s"}
    common = {"provider": "openai", "model": "gpt-5-mini", "allow_private": True, "attempts": 1}
    targets = {
        "pausing": {**common, "endpoint": pausing, "limits": patient, "concurrency": clients},
        "well": {**common, "endpoint": well},
    }
    return {"targets": targets, "routes": {name: {"hops": [name]} for name in targets}}


@contextmanager
def running_stage(folder: Path, *, clients: int) -> Iterator[Stage]:
    """A router and two look-alikes, as processes of their own."""
    with ExitStack() as stack:
        upstreams = [free_port(), free_port()]
        for port, options in zip(upstreams, (PIECES, ()), strict=True):
            start(stack, ["-m", "failsoft_upstream", "--port", str(port), *options])
        pausing, well = (f"http://127.0.0.1:{port}/v1" for port in upstreams)
        file = folder / "policy.yaml"
        file.write_text(yaml.safe_dump(policy(pausing=pausing, well=well, clients=clients)))
        grpc, http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        settings = {
            "FAILSOFT_ROUTER_ADDRESS": grpc,
            "FAILSOFT_ROUTER_ADMIN_ADDRESS": f"127.0.0.1:{free_port()}",
            "FAILSOFT_ROUTER_HTTP_ADDRESS": http,
            "FAILSOFT_ROUTER_MAX_CALLS": str(clients + AT_ONCE),
            "FAILSOFT_ROUTER_POLICY_FILE": str(file),
            "FAILSOFT_ROUTER_LOG__LEVEL": "error",
        }
        router = start(stack, ["-m", "failsoft_router"], settings)
        wait_until_connected(grpc, router)
        yield Stage(base_url=f"http://{http}/v1/", router=psutil.Process(router.pid))


@asynccontextmanager
async def asked(
    session: aiohttp.ClientSession, model: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    """A stream whose first piece has come."""
    message = {"role": "user", "content": "What is soft?"}
    body = {"model": model, "messages": [message], "stream": True}
    async with session.post("chat/completions", json=body) as reply:
        reply.raise_for_status()
        await reply.content.readuntil(b"\n\n")
        yield reply


async def measure(stage: Stage, *, clients: int) -> tuple[float, int]:
    """KiB of the router's memory for each client, and how many streams were lost."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                base_url=stage.base_url,
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        )
        for _ in range(AT_ONCE):  # what is made once, is made before
            await whole(session)
        before = stage.memory()
        streams: list[aiohttp.ClientResponse] = []
        while len(streams) < clients:
            count = min(AT_ONCE, clients - len(streams))
            opening = (stack.enter_async_context(asked(session, "pausing")) for _ in range(count))
            streams += await asyncio.gather(*opening)
        each = (stage.memory() - before) / clients / 1024
        await whole(session)
        return each, sum(stream.content.at_eof() for stream in streams)


async def whole(session: aiohttp.ClientSession) -> None:
    """Ask a provider that does not pause, and take all of it."""
    async with asked(session, "well") as reply:
        rest = await reply.content.read()
    if not rest.endswith(b"data: [DONE]\n\n"):
        sys.exit("somebody was not answered while the streams paused")


def main() -> None:
    """Measure, and fail where it is too much."""
    parser = argparse.ArgumentParser(prog="benchmarks.idle", description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    clients = int(parser.parse_args().clients)
    allow_files(clients)
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="failsoft-idle-") as folder,
        running_stage(Path(folder), clients=clients) as stage,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        each, lost = runner.run(measure(stage, clients=clients))
    print(f"{clients} pausing streams: {each:.1f} KiB each, at most {AT_MOST}; {lost} lost")
    sys.exit(each > AT_MOST or lost > 0)


if __name__ == "__main__":
    main()
