"""`failsoft status` asks a real router."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from health_schema import mistakes
from router_under_test import Router, StartRouter, two_hops

from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration


async def status(router: Router, folder: Path, *arguments: str) -> tuple[int | None, str]:
    """The command's exit code and what it wrote."""
    address = router.base_url.removeprefix("http://").removesuffix("/v1")
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "failsoft_cli", "status"),
        *("--address", address, "--data", str(folder), *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await command.communicate()
    return command.returncode, written.decode()


async def test_a_person_sees_what_is_wrong_and_a_script_by_the_exit_code(
    start_router: StartRouter, cache: str, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    router = await start_router(two_hops(first, second), cache=cache)
    await router.ask()
    well = await status(router, tmp_path)
    await first.set_fault(faults.Status(status=429, retry_after=600))
    await router.ask("Again?")
    limited = await status(router, tmp_path)

    assert well[0] == 0
    assert well[1].startswith("ready · running for ")
    assert "walks in the last 5.0 min: 1 · 0.0% got less than the best answer" in well[1]
    assert limited[0] == 3
    assert limited[1].startswith("degraded · ")
    assert "fallback target 1" in limited[1]
    assert "target first: the provider said that there were too many requests" in limited[1]


async def test_a_script_gets_the_routers_own_document(router: Router, tmp_path: Path) -> None:
    code, written = await status(router, tmp_path, "--json")

    assert code == 0
    assert mistakes(json.loads(written)) == []
