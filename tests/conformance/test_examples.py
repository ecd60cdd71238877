"""The example clients get their answers; those of other languages where they are set up."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

pytestmark = pytest.mark.integration

CLIENTS = Path(__file__).resolve().parents[2] / "examples" / "clients"


class Target(Protocol):
    """What the fixture `implementation` gives."""

    target: str
    model: str


def python() -> list[str]:
    return [sys.executable, str(CLIENTS / "python" / "ask.py")]


def node() -> list[str]:
    program = shutil.which("node")
    if program is None or not (CLIENTS / "node" / "node_modules").is_dir():
        pytest.skip("needs Node.js, and `npm ci` in examples/clients/node")
    return [program, str(CLIENTS / "node" / "ask.js")]


def go() -> list[str]:
    program = CLIENTS / "go" / "ask"
    if not program.is_file():
        pytest.skip("needs `./generate.sh && go build -o ask .` in examples/clients/go")
    return [str(program)]


COMMANDS = {"python": python, "node": node, "go": go}


async def ask(
    language: str, address: str, model: str, question: str
) -> subprocess.CompletedProcess[str]:
    """Go's options take one dash or two, so two do for all."""
    command = [*COMMANDS[language](), "--address", address, "--model", model, question]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("language", COMMANDS)
async def test_an_example_prints_both_answers_and_who_served(
    implementation: Target, language: str
) -> None:
    result = await ask(language, implementation.target, implementation.model, "Say hello.")

    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    facts = [line for line in lines if line.startswith("[served by ")]
    assert len(facts) == 2
    assert "degradation NONE" in facts[0]
    assert len(lines) > len(facts)


@pytest.mark.parametrize("language", COMMANDS)
async def test_an_example_says_what_went_wrong(implementation: Target, language: str) -> None:
    """One line with the code and the reason; no stack trace."""
    result = await ask(language, implementation.target, "m" * 300, "Say hello.")

    assert result.returncode == 1
    assert result.stdout == ""
    assert "chat.model: must be at most 256 characters" in result.stderr
    assert len(result.stderr.splitlines()) == 1
