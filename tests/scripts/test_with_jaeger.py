"""scripts/with_jaeger.py where there is a Jaeger, where there is none, and where one ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "with_jaeger.py"
SHOW = "import os; print(os.environ['JAEGER_QUERY_URL'], os.environ['OTLP_ENDPOINT'])"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs, which is all of the PATH."""
    return tmp_path


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def run(programs: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    ours = ("JAEGER_QUERY_URL", "OTLP_ENDPOINT", "JAEGER_BINARY")
    environ = {k: v for k, v in os.environ.items() if k not in ours}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *command],
        env={**environ, "PATH": str(programs), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_jaeger_that_is_given_is_used_as_it_is(programs: Path) -> None:
    urls = {"JAEGER_QUERY_URL": "http://there:16686", "OTLP_ENDPOINT": "http://there:4317"}

    shown = run(programs, sys.executable, "-c", SHOW, **urls)

    assert shown.stdout.split() == list(urls.values())


def test_the_exit_status_is_the_commands(programs: Path) -> None:
    urls = {"JAEGER_QUERY_URL": "http://there:16686", "OTLP_ENDPOINT": "http://there:4317"}

    assert run(programs, sys.executable, "-c", "raise SystemExit(3)", **urls).returncode == 3


def test_without_jaeger_and_without_go_nothing_is_run_and_that_is_said(programs: Path) -> None:
    told = run(programs, sys.executable, "-c", "raise SystemExit(3)")

    assert told.returncode == 0
    assert "SKIPPED" in told.stderr
    assert "there is no Go" in told.stderr


def test_an_old_go_is_no_go(programs: Path) -> None:
    program(programs, "go", "echo go1.21.3")

    told = run(programs, sys.executable, "-c", "raise SystemExit(3)")

    assert told.returncode == 0
    assert "Go 1.21 is here" in told.stderr


def test_no_network_to_fetch_it_from_is_a_reason_to_skip(programs: Path) -> None:
    dial = "dial tcp: lookup proxy.golang.org: no such host"
    program(programs, "go", f'test "$1" = env && echo go1.99.1 || {{ echo "{dial}" >&2; exit 1; }}')

    told = run(programs, sys.executable, "-c", "raise SystemExit(3)")

    assert told.returncode == 0
    assert "SKIPPED" in told.stderr


def test_a_checksum_that_is_wrong_is_a_failure(programs: Path) -> None:
    """It would be a fine thing to skip the test of the day on which a module was tampered with."""
    wrong = "verifying module: checksum mismatch"
    program(
        programs, "go", f'test "$1" = env && echo go1.99.1 || {{ echo "{wrong}" >&2; exit 1; }}'
    )

    told = run(programs, sys.executable, "-c", "raise SystemExit(0)")

    assert told.returncode == 1
    assert wrong in told.stderr


def test_a_jaeger_that_ends_at_once_is_a_failure(programs: Path) -> None:
    ends = program(programs, "jaeger", "exit 7")

    told = run(programs, sys.executable, "-c", "raise SystemExit(0)", JAEGER_BINARY=str(ends))

    assert told.returncode == 1
    assert "Jaeger ended with 7" in told.stderr
