"""A preload that is killed at any point, and started again, until the model is there."""

import asyncio
import random
import shutil
import signal
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from forked_preload import start_forked_preload
from hub_lookalike import Hub

from failsoft_local_llm.adapters.store.folder import Folder
from failsoft_local_llm.adapters.store.part import PARTIAL
from failsoft_local_llm.preload.errand import Errand

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

KILLS = 10


def written(folder: Path) -> dict[str, int]:
    """Bytes of each file that are on the disk, whole or not."""
    return {
        place.name.removesuffix(PARTIAL): place.stat().st_size for place in folder.glob("[!.]*")
    }


@pytest.mark.parametrize("seed", range(5))
async def test_what_was_written_is_never_fetched_again_and_the_files_are_whole(
    hub: Hub,
    taken: Mapping[str, bytes],
    folder: Folder,
    catalogue_file: Path,
    seed: int,
) -> None:
    """While it starts, reads, fetches, or writes down what it has."""
    errand = Errand(name="tiny", to=folder.path.parent, catalogue=catalogue_file)
    draw = random.Random(seed)
    total = sum(map(len, taken.values()))
    kills = 0
    while kills < KILLS:
        before = written(folder.path)
        hub.asked.clear()
        process = start_forked_preload(errand, endpoint=hub.url)
        kill_somewhen(process, hub, draw, total=total, left=total - sum(before.values()))
        await asyncio.to_thread(process.join)
        assert process.exitcode in {-signal.SIGKILL, 0}
        kills += process.exitcode != 0

        starts = {asked.path: asked.start for asked in reversed(hub.asked)}
        assert starts == {path: before.get(path, 0) for path in starts}
        if folder.is_marked:
            assert {path: folder.place(path).read_bytes() for path in taken} == taken
            shutil.rmtree(folder.path)

    process = start_forked_preload(errand, endpoint=hub.url)
    await asyncio.to_thread(process.join)
    assert process.exitcode == 0
    assert {path: folder.place(path).read_bytes() for path in taken} == taken
    assert folder.manifest().bytes == total


def kill_somewhen(
    process: ForkServerProcess, hub: Hub, draw: random.Random, *, total: int, left: int
) -> None:
    """After so many bytes, a moment after the last one, or after so long."""
    loop = asyncio.get_running_loop()

    def kill_soon() -> None:
        loop.call_later(draw.uniform(0.0, 0.05), process.kill)

    match draw.choice(["bytes", "bytes", "bytes", "end", "time"]):
        case "bytes":
            hub.call_after(draw.randrange(total // 4), process.kill)
        case "end":
            hub.call_after(left, kill_soon)
        case "time":
            loop.call_later(draw.uniform(0.0, 0.5), process.kill)
