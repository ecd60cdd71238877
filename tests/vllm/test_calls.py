"""Tool calls that are read with a parser of vLLM's, without an engine."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from vllm_service import PYTHON, START_SECONDS, model

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "vllm_calls.py"


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What `vllm_calls` prints."""
    command = [str(PYTHON), str(SCRIPT), str(model("tiny"))]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=START_SECONDS)
    read: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return read


def test_a_long_call_is_read_in_portions_and_whole(seen: dict[str, Any]) -> None:
    """Each look reads all of it: 6000 looks at up to 30 KB took the event loop 10 s and more."""
    names = [name for name, _ in seen["called"]]
    texts = [json.loads(arguments)["text"] for _, arguments in seen["called"]]

    assert names == ["note", "note", "note"]
    assert [len(text) for text in texts] == [30_000, 1, 1]
    assert 100 < seen["pieces"] < seen["tokens"] / 4


def test_parameters_that_are_no_json_are_the_callers_to_change(seen: dict[str, Any]) -> None:
    """Our own limits let none through; what did would be an engine that is ill."""
    assert seen["refused"]
