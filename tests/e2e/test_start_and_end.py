"""How a stack begins, or doesn't, and how it ends."""

from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.conftest import StartUp

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

END_SECONDS = 20
POLICY_WITH_MISTAKES = """
targets:
  a: {provider: openai, colour: x, limits: {connect: 3}}
routes:
  chat: {hops: [a, b]}
"""


def alive(processes: "Sequence[psutil.Process]") -> "Sequence[psutil.Process]":
    """Those that don't end soon."""
    return psutil.wait_procs(processes, timeout=END_SECONDS)[1]


def test_a_signal_ends_every_process_the_called_after_their_callers(
    start_up: "StartUp", tmp_path: "Path"
) -> None:
    with start_up(tmp_path) as up:
        up.wait_for("stop: Ctrl-C")
        processes = up.all_processes()

        assert up.stop() == 0

    assert len(processes) == 5  # four services and the engine of one
    assert not alive(processes)
    ended = [line.split()[0] for line in up.seen if line.split()[1:] == ["stopped"]]
    assert ended[0] == "router"
    assert ended[-1] == "valkey"


def test_a_signal_ends_a_stack_that_is_still_starting(
    start_up: "StartUp", tmp_path: "Path"
) -> None:
    with start_up(tmp_path) as up:
        up.wait_for("valkey", "ready")
        processes = up.all_processes()

        assert up.stop() == 0

    assert not alive(processes)


def test_no_process_is_left_when_the_supervisor_is_killed(
    start_up: "StartUp", tmp_path: "Path"
) -> None:
    with start_up(tmp_path) as up:
        up.wait_for("router", "ready")
        processes = up.all_processes()

        up.process.kill()
        up.process.wait()

        assert len(processes) >= 4
        assert not alive(processes)


def test_a_service_that_cannot_start_ends_all_and_says_why(
    start_up: "StartUp", tmp_path: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILSOFT_LOCAL_LLM_MODEL_FILE", str(tmp_path / "missing.gguf"))

    with start_up(tmp_path / "data") as up:
        up.wait_for("local-llm", "given up", "exit code 2")
        up.wait_for("missing.gguf")
        processes = up.all_processes()

        assert up.process.wait(END_SECONDS) == 1
        assert not alive(processes)


def test_a_router_that_cannot_start_is_not_said_to_take_questions(
    start_up: "StartUp", tmp_path: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILSOFT_ROUTER_LOG_LEVEL", "debug")

    with start_up(tmp_path / "data") as up:
        up.wait_for("router", "did you mean `FAILSOFT_ROUTER_LOG__LEVEL`?")

        assert up.process.wait(END_SECONDS) == 1
        assert not [line for line in up.seen if "takes questions now" in line]


def test_a_policy_is_refused_with_every_mistake_before_anything_is_started(
    start_up: "StartUp", tmp_path: "Path"
) -> None:
    policy, data = tmp_path / "policy.yaml", tmp_path / "data"
    policy.write_text(POLICY_WITH_MISTAKES)

    with start_up(data, "--policy", str(policy)) as up:
        assert up.process.wait(END_SECONDS) == 2
        errors = up.errors()

    assert all(mistake in errors for mistake in ("colour", "limits.connect", "hops[1]"))
    assert not list(data.glob("logs/*"))


def test_a_key_in_a_file_makes_its_target_one_that_is_asked(
    start_up: "StartUp", tmp_path: "Path"
) -> None:
    """Nothing is asked here: the targets' list says that the key was found."""
    key = tmp_path / "secrets" / "openai"
    key.parent.mkdir(mode=0o700)
    key.write_text("sk-of-nobody")

    with start_up(tmp_path) as up:
        up.wait_for("router", "ready")
        listed = up.targets()

    (openai,) = [line for line in listed.splitlines() if line.split()[:1] == ["openai"]]
    assert "missing" not in openai
    assert "sk-of-nobody" not in listed
