"""Every command of the README works as it stands there, but for the addresses."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from failsoft_cli.addresses import free_ports, on_loopback

if TYPE_CHECKING:
    from tests.e2e.conftest import Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
GRPCURL = ROOT / "build" / "bin" / "grpcurl"

RUN_BY_CI_ITSELF = ("make demo", "make test")
SHOWN_BY_THE_FIXTURE = ("export OPENAI_API_KEY=sk-...", ".venv/bin/failsoft up")
UPSTREAM = ".venv/bin/failsoft upstream --port 50070 --control-port 50071"
ITS_COMMANDS = (
    "curl -X PUT 127.0.0.1:50071/control/fault -d hang",
    "curl -X DELETE 127.0.0.1:50071/control/fault",
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    elsewhere = {*RUN_BY_CI_ITSELF, *SHOWN_BY_THE_FIXTURE, UPSTREAM, *ITS_COMMANDS}
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in dict.fromkeys(lines) if line not in elsewhere]


def at(up: "Up", text: str) -> str:
    """The text with the addresses of a stack that runs elsewhere than by default."""
    here = text.replace("127.0.0.1:50050", on_loopback(up.ports.router))
    here = here.replace("127.0.0.1:50080", on_loopback(up.ports.http))
    here = here.replace("failsoft chat", f"failsoft chat --address {on_loopback(up.ports.router)}")
    admin = rf"failsoft \1 --address {on_loopback(up.ports.admin)} --data {up.data}"
    return re.sub(r"failsoft (targets|isolate|release|reload)\b", admin, here)


def test_ci_runs_the_first_two_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert all(command in script for command in RUN_BY_CI_ITSELF)
    assert blocks("sh")[0].splitlines() == list(RUN_BY_CI_ITSELF)


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_works(up: "Up", command: str) -> None:
    if command.startswith("build/bin/grpcurl") and not GRPCURL.exists():
        pytest.skip("grpcurl is not here: `make clients` builds it where Go is")
    environ = {**os.environ, "FAILSOFT_ADDRESS": on_loopback(up.ports.router)}

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


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_the_upstream_of_the_readme_fails_and_heals_on_command() -> None:
    asked, control = free_ports(2)
    assert all(command in "".join(blocks("sh")) for command in (UPSTREAM, *ITS_COMMANDS))

    def here(command: str) -> list[str]:
        moved = command.replace("50070", str(asked)).replace("50071", str(control))
        return shlex.split(moved)

    with subprocess.Popen(here(UPSTREAM), cwd=ROOT, stdout=subprocess.PIPE, text=True) as upstream:
        try:
            assert upstream.stdout is not None
            assert any("Other faults" in line for line in iter(upstream.stdout.readline, ""))
            replies = [
                subprocess.run([*here(each), "--fail"], capture_output=True, text=True, check=True)
                for each in ITS_COMMANDS
            ]
        finally:
            upstream.terminate()

    assert "hang" in replies[0].stdout
    assert "hang" not in replies[1].stdout
