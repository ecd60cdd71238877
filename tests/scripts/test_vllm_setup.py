"""scripts/vllm_setup.py where vLLM cannot be installed, with a program that plays uv."""

import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import dead_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="vLLM is made for Linux only"),
]

SETUP = Path(__file__).resolve().parents[2] / "scripts" / "vllm_setup.py"
PROJECT = Path("services/local-llm/pyproject.toml")
FAILING_UV = """\
#!/bin/sh
test "$1" = export
"""
FAILED, IMPOSSIBLE = 1, 69


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    """The script in a workspace of its own, whose uv installs nothing."""
    copy = tmp_path / "scripts" / SETUP.name
    for file in (copy, tmp_path / PROJECT, tmp_path / ".uv" / "bin" / "uv"):
        file.parent.mkdir(parents=True)
    shutil.copy(SETUP, copy)
    (tmp_path / PROJECT).write_text("")
    (tmp_path / ".uv" / "bin" / "uv").write_text(FAILING_UV)
    (tmp_path / ".uv" / "bin" / "uv").chmod(0o755)
    return copy


@pytest.fixture
def index() -> Iterator[str]:
    """Somebody who answers, if only that there is nothing."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def run(setup: Path, index: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(setup), "--build", "vllm"],
        env={**os.environ, "UV_DEFAULT_INDEX": index},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_network_it_says_so_and_is_no_failure_of_the_tests(setup: Path) -> None:
    with dead_port() as port:
        nobody = f"http://127.0.0.1:{port}/simple"
        done = run(setup, nobody)

    assert done.returncode == IMPOSSIBLE
    assert nobody in done.stderr.splitlines()[-1]


def test_whatever_else_goes_wrong_is_a_failure(setup: Path, index: str) -> None:
    assert run(setup, index).returncode == FAILED
