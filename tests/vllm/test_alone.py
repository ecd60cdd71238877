"""vLLM with nobody else in front of it: its queue, its memory, its end."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from vllm_service import PYTHON, START_SECONDS, model

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

ALONE = Path(__file__).resolve().parents[1] / "support" / "vllm_alone.py"
CACHE_TOKENS = 4096
"""2 MiB: keys and values of 2 layers, 2 heads, 32 numbers of 2 bytes."""
LONGEST = 1000
"""Tokens of the answer that the others wait for."""


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What `vllm_alone` prints."""
    command = [str(PYTHON), str(ALONE), str(model("tiny"))]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=START_SECONDS)
    read: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return read


def test_who_matters_more_overtakes_those_who_wait_for_the_engine(seen: dict[str, Any]) -> None:
    """They came in the opposite order."""
    assert seen["answered"] == ["critical_plus", "critical", "sheddable_plus", "sheddable"]


def test_the_engine_tells_what_its_cache_holds_and_has_room_for(seen: dict[str, Any]) -> None:
    idle, busy, left = seen["idle"], seen["busy"], seen["left"]

    assert {load["capacity_tokens"] for load in (idle, busy, left)} == {CACHE_TOKENS}
    assert (idle["running_tokens"], left["running_tokens"]) == (0, 0)
    assert seen["prompt"] < busy["running_tokens"] < seen["prompt"] + LONGEST
    assert (busy["running"], busy["waiting"]) == (1, 4)


def test_who_is_being_answered_is_told_when_the_engine_is_ended(seen: dict[str, Any]) -> None:
    """vLLM says that their requests were aborted, or nothing for ever, by how it comes to end."""
    assert seen["broken_off"]
