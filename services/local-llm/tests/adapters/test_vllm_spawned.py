"""Processes spawned as vLLM spawns its own: one by the service, and one by that."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.integration

GONE_SECONDS = 5.0
SERVICE = """
import multiprocessing, signal
from failsoft_kit.logs import LogSettings
from failsoft_local_llm.adapters.vllm.spawned import prepared

WORKER = '''
import logging, signal
logging.getLogger("vllm.worker").error("lost %s", "it")
logging.getLogger("vllm.worker").warning("never mind")
print("there", flush=True)
signal.pause()
'''
ENGINE = f'''
import multiprocessing, signal
multiprocessing.get_context("spawn").Process(target=exec, args=({WORKER!r},)).start()
signal.pause()
'''

with prepared(LogSettings()):
    multiprocessing.get_context("spawn").Process(target=exec, args=(ENGINE,)).start()
signal.pause()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A service, its engine, and the engine's worker."""

    service: psutil.Process
    engine: psutil.Process
    worker: psutil.Process
    log: Path


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    log = tmp_path / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", SERVICE], stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as started,
    ):
        assert started.stdout is not None
        assert started.stdout.readline() == "there\n"
        service = psutil.Process(started.pid)
        engine = spawned_by(service)
        worker = spawned_by(engine)
        yield Family(service=service, engine=engine, worker=worker, log=log)
        for process in (worker, engine, service):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def spawned_by(process: psutil.Process) -> psutil.Process:
    """Not `multiprocessing`'s tracker of resources, which is a child, too."""
    [spawned] = [each for each in process.children() if "--multiprocessing-fork" in each.cmdline()]
    return spawned


def test_a_killed_service_takes_all_of_them_along(family: Family) -> None:
    family.service.kill()

    _, left = psutil.wait_procs([family.engine, family.worker], GONE_SECONDS)

    assert not left


def test_a_killed_engine_takes_its_worker_along(family: Family) -> None:
    family.engine.kill()

    _, left = psutil.wait_procs([family.worker], GONE_SECONDS)

    assert not left
    assert family.service.is_running()


def test_an_interrupt_in_a_terminal_is_the_services_alone(family: Family) -> None:
    """It goes to a whole process group."""
    groups = {os.getpgid(each.pid) for each in (family.engine, family.worker)}

    assert groups == {family.engine.pid, family.worker.pid}


def test_what_they_log_is_one_of_our_lines(family: Family) -> None:
    [line] = family.log.read_text().splitlines()

    event = json.loads(line)
    assert (event["event"], event["level"]) == ("library.said", "error")
    assert (event["logger"], event["message"]) == ("vllm.worker", "lost it")
