"""Every command of the README works as it stands there, but for the addresses."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from failsoft_cli.addresses import on_loopback

if TYPE_CHECKING:
    from tests.e2e.conftest import Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
GRPCURL = ROOT / "build" / "bin" / "grpcurl"

RUN_BY_CI_ITSELF = ("make demo", "make test")
SHOWN_BY_THE_FIXTURE = ("export OPENAI_API_KEY=sk-...", ".venv/bin/failsoft up")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [
        line for line in dict.fromkeys(lines) if line not in RUN_BY_CI_ITSELF + SHOWN_BY_THE_FIXTURE
    ]


def at(up: "Up", text: str) -> str:
    """The text with the addresses of a stack that runs elsewhere than by default."""
    here = text.replace("127.0.0.1:50050", on_loopback(up.ports.router))
    here = here.replace("failsoft chat", f"failsoft chat --address {on_loopback(up.ports.router)}")
    admin = f"failsoft targets --address {on_loopback(up.ports.admin)} --data {up.data}"
    return here.replace("failsoft targets", admin)


def test_ci_runs_the_first_two_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert all(command in script for command in RUN_BY_CI_ITSELF)
    assert blocks("sh")[0].splitlines() == list(RUN_BY_CI_ITSELF)


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_works(up: "Up", command: str) -> None:
    if command.startswith("grpcurl") and not (GRPCURL.exists() or shutil.which("grpcurl")):
        pytest.skip("grpcurl is not here: `make clients` builds it where Go is")
    environ = {
        **os.environ,
        "FAILSOFT_ADDRESS": on_loopback(up.ports.router),
        "PATH": f"{GRPCURL.parent}:{os.environ['PATH']}",
    }

    done = subprocess.run(
        ["bash", "-c", at(up, command)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_python_of_the_readme_works(up: "Up") -> None:
    (code,) = blocks("python")

    done = subprocess.run(
        [sys.executable, "-c", at(up, code)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert " by local-llama " in done.stdout
