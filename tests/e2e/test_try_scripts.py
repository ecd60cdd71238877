"""Every failure that docs/testing-fallback.md lets people try is survived as the page says."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import psutil
import pytest

from failsoft_upstream.faults import Fault

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing-fallback.md").read_text()
SCRIPTS = sorted(ROOT.glob("scripts/try-*.sh"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where scripts put their stages; its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="try-") as folder:
        yield Path(folder)


def started(script: Path, folder: Path, **variables: str) -> "subprocess.Popen[str]":
    """The script, in a session of its own, as from a terminal."""
    return subprocess.Popen(
        [script],
        env={**os.environ, "TMPDIR": str(folder), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_over(session: int) -> list[psutil.Process]:
    """The processes of a session whose leader has ended."""
    return [each for each in psutil.process_iter() if _session_of(each) == session]


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None


def excerpts() -> dict[str, list[str]]:
    """For each script the lines of output that the page shows under its command."""
    parts = re.split(r"^```sh\n(scripts/try-\S+\.sh)\n```$", PAGE, flags=re.MULTILINE)
    return {
        script: [
            line
            for block in re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
            for line in block.splitlines()
            if line
        ]
        for script, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def without_numbers(text: str) -> str:
    """What is equal in two runs: no times, ages, ports, ids and names of stages."""
    return re.sub(r"\b[0-9a-f]{32}\b|/\S*/failsoft-try-\w+|\d+", "0", text)


def test_the_page_tells_of_every_script_and_of_no_other() -> None:
    named = set(re.findall(r"scripts/try-[a-z-]+\.sh", PAGE))

    assert named == excerpts().keys() == {f"scripts/{each.name}" for each in SCRIPTS}


def test_the_page_names_every_way_in_which_the_look_alike_can_fail() -> None:
    listed = PAGE.split("its faults are ")[1].split(", for all calls")[0]

    assert re.findall(r"`(\w+)`", listed) == [each.kind for each in get_args(Fault)]


@pytest.mark.parametrize("script", [pytest.param(each, id=each.stem) for each in SCRIPTS])
def test_a_failure_is_survived_as_the_page_says(script: Path, folder: Path) -> None:
    with started(script, folder) as run:
        output, _ = run.communicate()

    assert run.returncode == 0, output
    seen = set(without_numbers(output).splitlines())
    shown = excerpts()[f"scripts/{script.name}"]
    assert [line for line in shown if without_numbers(line) not in seen] == [], output
    assert left_over(run.pid) == []
    assert list(folder.iterdir()) == []


def test_a_promise_that_is_broken_is_named_and_the_logs_stay(folder: Path) -> None:
    too_short = {"FAILSOFT_CACHE_MAX_ENTRY_BYTES": "1B"}  # no answer is that short
    script = ROOT / "scripts" / "try-everything-down.sh"

    with started(script, folder, **too_short) as run:
        output, _ = run.communicate()

    assert run.returncode == 1, output
    assert "✗ an old answer, with its age: nothing shown is like:" in output
    (stage,) = folder.iterdir()
    assert output.splitlines()[-1] == f"the logs are in {stage}"
    assert (stage / "router.log").read_text()


def test_ctrl_c_leaves_nothing_behind(folder: Path) -> None:
    with started(ROOT / "scripts" / "try-silence.sh", folder) as run:
        assert run.stdout is not None
        assert any("failsoft chat" in line for line in run.stdout)
        os.killpg(run.pid, signal.SIGINT)
        run.communicate()

    assert run.returncode == 130
    assert left_over(run.pid) == []
    assert list(folder.iterdir()) == []
