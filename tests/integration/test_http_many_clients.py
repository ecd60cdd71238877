"""A thousand clients that wait for their first word cost little, and leave nothing behind."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest
import yaml
from processes import free_ports, process, wait_until_serving
from router_under_test import openai_target

from failsoft_upstream import Upstream, faults

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CLIENTS = 990
"""Fewer than the calls that a router takes at once, and than a target may have."""
FILES = 8192
"""A connection of each client, and one of its call, at both ends."""
MOST_KIB = 200
"""For each client; seen on 2 cores with Python 3.11: 52."""
SOON = 60.0
"""Seconds; room for a machine that is busy."""
PATIENT = {"connect": "60s", "first_content": "100s"}
"""A thousand connections at once take a busy machine longer than one provider's should."""


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(f"no process may open more than {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Router:
    """A router in a process of its own, which can be weighed."""

    def __init__(self, base_url: str, pid: int) -> None:
        self.base_url = base_url
        self._process = psutil.Process(pid)

    @property
    def kib(self) -> float:
        """Its memory."""
        return float(self._process.memory_info().rss) / 1024


@pytest.fixture
async def router(first: Upstream, tmp_path: Path) -> AsyncIterator[Router]:
    policy = {
        "targets": {"first": openai_target(first, concurrency=1000, limits=PATIENT)},
        "routes": {"chat": {"default": True, "hops": ["first"]}},
    }
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(policy))
    port, admin_port, http_port = free_ports(3)
    variables = {
        "FAILSOFT_ROUTER_ADDRESS": f"127.0.0.1:{port}",
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": f"127.0.0.1:{admin_port}",
        "FAILSOFT_ROUTER_HTTP_ADDRESS": f"127.0.0.1:{http_port}",
        "FAILSOFT_ROUTER_POLICY_FILE": str(file),
        "FAILSOFT_ROUTER_KEEP_ALIVE": "500ms",
        "FAILSOFT_ROUTER_DRAIN": "1s",
    }
    with process(["-m", "failsoft_router"], folder=tmp_path, variables=variables) as started:
        service = "failsoft.inference.v1.InferenceService"
        await asyncio.to_thread(wait_until_serving, f"127.0.0.1:{port}", service)
        yield Router(f"http://127.0.0.1:{http_port}/v1/", started.pid)


async def until_all_are_asked(upstream: Upstream) -> None:
    """Comments begin while calls still queue for their connection."""
    async with asyncio.timeout(SOON):
        await upstream.meter.wait_until(lambda meter: meter.in_flight == CLIENTS + 1)


async def test_a_thousand_idle_streams_cost_little_and_end_with_their_clients(
    router: Router, first: Upstream, record_property: Callable[[str, object], None]
) -> None:
    await first.set_fault(faults.Hang())
    asked = {"model": "chat", "stream": True, "messages": [{"role": "user", "content": "hi"}]}

    async with aiohttp.ClientSession(
        base_url=router.base_url, connector=aiohttp.TCPConnector(limit=0)
    ) as session:

        async def wait_for_a_comment() -> aiohttp.ClientResponse:
            reply = await session.post("chat/completions", json=asked)
            assert await reply.content.readline() == b": keep-alive\n"
            return reply

        replies = [await wait_for_a_comment()]
        before = router.kib
        replies += await asyncio.gather(*(wait_for_a_comment() for _ in range(CLIENTS)))
        await until_all_are_asked(first)
        per_client = (router.kib - before) / CLIENTS
        for reply in replies:
            reply.close()
        async with asyncio.timeout(SOON):
            await first.meter.wait_until(lambda meter: meter.cancelled == CLIENTS + 1)

    print(f"memory of an idle stream: {per_client:.0f} KiB")  # noqa: T201 - for who asks by -s
    record_property("KiB per idle stream", round(per_client))
    assert per_client < MOST_KIB
