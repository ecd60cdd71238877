"""The demo is a test itself; these make sure that it can fail."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Failsoft

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_an_act_that_does_not_hold_is_named_with_what_was_expected_and_seen(
    failsoft: "Failsoft", tmp_path: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILSOFT_CACHE_MAX_ENTRY_BYTES", "1B")  # no answer is that short

    demo = failsoft("demo", "--fast", "--data", str(tmp_path))

    assert demo.returncode == 1
    assert demo.stdout.splitlines()[-1] == (
        "✗ act 2 (The same question again): expected served by cache, but saw cloud"
    )


def test_a_service_that_cannot_start_ends_the_demo_and_says_why(
    failsoft: "Failsoft", tmp_path: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILSOFT_LOCAL_LLM_MODEL_FILE", str(tmp_path / "missing.gguf"))

    demo = failsoft("demo", "--fast", "--data", str(tmp_path / "data"))

    assert demo.returncode == 1
    assert "missing.gguf" in demo.stdout
    assert demo.stdout.splitlines()[-1] == (
        "✗ expected all services to become ready, but local-llm died"
    )
