"""A stack that `failsoft up` keeps running, whatever befalls its parts."""

from typing import TYPE_CHECKING

import pytest

from failsoft_cli.addresses import on_loopback

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Failsoft, Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_question_is_answered_by_the_model_on_this_machine(up: "Up") -> None:
    chat = up.ask("What is the capital of France?", "--temperature", "0", "--max-tokens", "32")

    answer, last_line = chat.stdout.strip().rsplit("\n", 1)
    assert chat.returncode == 0
    assert "Paris" in answer
    assert last_line.startswith("served by local-llama (smollm2-135m-instruct) · ")
    assert "openai, claude, gemini skipped (no credential) → local-llama served" in last_line


def test_it_says_at_start_that_nobody_has_to_show_who_it_is(up: "Up") -> None:
    assert any(line.startswith("identity: off") for line in up.seen)


def test_the_same_question_again_is_answered_from_the_cache_after_a_restart_of_valkey(
    up: "Up",
) -> None:
    """The answer was on its disk, and requests don't wait for it meanwhile."""
    question = ("Say a word.", "--temperature", "0", "--max-tokens", "4")
    first = up.ask(*question)
    up.child("valkey-server").kill()
    while_away = up.ask("Say another word.", "--max-tokens", "4")

    up.wait_for("valkey", "was killed by SIGKILL; it is started again in 1 s")
    up.wait_for("valkey", "ready")

    assert first.returncode == while_away.returncode == 0
    assert up.ask(*question).stdout.splitlines()[0] == first.stdout.splitlines()[0]


def test_a_killed_cache_is_reported_and_started_again(up: "Up") -> None:
    up.child("failsoft_cache").kill()
    while_away = up.ask("Say a word.", "--max-tokens", "4")

    up.wait_for("cache", "was killed by SIGKILL; it is started again in 1 s")
    up.wait_for("cache", "ready")

    assert while_away.returncode == 0


def test_targets_are_listed_and_checked_with_the_token_of_the_data_directory(
    up: "Up", failsoft: "Failsoft"
) -> None:
    here = ("--address", on_loopback(up.ports.admin), "--data", str(up.data))

    listed, checked = failsoft("targets", *here), failsoft("targets", "--check", *here)

    assert (listed.returncode, checked.returncode) == (0, 0)
    assert all(name in listed.stdout for name in ("openai", "claude", "gemini"))
    assert "missing" in listed.stdout
    assert "no credential" in checked.stdout
    assert "smollm2-135m-instruct answered" in checked.stdout


def test_without_the_token_nobody_is_an_operator(
    up: "Up", failsoft: "Failsoft", tmp_path: "Path"
) -> None:
    refused = failsoft("targets", "--address", on_loopback(up.ports.admin), "--data", str(tmp_path))

    assert refused.returncode == 1
    assert "--data" in refused.stderr


def test_a_wrong_request_is_refused_with_the_fields_path(up: "Up") -> None:
    refused = up.ask("Hello", "--model", "x" * 300)

    assert refused.returncode == 1
    assert refused.stderr.startswith("chat.model: ")


def test_a_second_stack_is_refused_before_anything_is_started(
    up: "Up", failsoft: "Failsoft", tmp_path: "Path"
) -> None:
    refused = failsoft("up", "--data", str(tmp_path), "--port-offset", str(up.offset))

    assert refused.returncode == 2
    assert f"port {up.ports.router} is in use" in refused.stderr
    assert "--port-offset" in refused.stderr
    assert not list(tmp_path.iterdir())
