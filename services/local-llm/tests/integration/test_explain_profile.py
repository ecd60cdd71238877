"""The command, as an operator types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

REFUSED = 2
SMALL = "smollm2-135m-instruct-q4"


def explain(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "failsoft_local_llm", "explain-profile", *arguments],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )


def test_a_person_reads_machine_choice_and_reasons() -> None:
    done = explain()

    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line and not line.startswith(" ")] == [
        "Machine",
        "Choice",
        "Because",
        "Rejected",
    ]
    assert SMALL in done.stdout


def test_a_program_reads_the_same_as_json(tmp_path: Path) -> None:
    done = explain("--json", "--profile", "primary", "--threads", "3", "--models", str(tmp_path))

    record = json.loads(done.stdout)
    assert record["choice"]["weights"] == SMALL
    assert record["choice"]["degraded"] is True
    assert record["choice"]["threads"] == 3
    assert record["choice"]["gpus"] == []
    assert record["machine"]["storage"]["directory"] == str(tmp_path)
    assert record["machine"]["cpu"]["cores"] >= 1
    assert record["reasons"]
    assert [each["name"] for each in record["rejected"]] == ["primary"]


def test_a_model_that_nobody_knows_is_refused_with_those_there_are() -> None:
    done = explain("--model", "llama-9")

    assert done.returncode == REFUSED
    assert "llama-3.1-8b-instruct" in done.stdout


def test_a_catalogue_that_is_wrong_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    file.write_text("models:\n  mine: {}\n")

    done = explain("--catalogue", str(file))

    assert done.returncode == REFUSED
    assert "line 2" in done.stderr


@pytest.mark.parametrize("wrong", [("--threads", "0"), ("--profile", "big")])
def test_a_wish_that_makes_no_sense_is_refused(wrong: tuple[str, str]) -> None:
    done = explain(*wrong)

    assert done.returncode == REFUSED
    assert wrong[0] in done.stderr
