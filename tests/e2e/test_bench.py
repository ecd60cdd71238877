"""`failsoft bench` with a real local-llm, the smallest model and short answers."""

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from failsoft_local_llm.adapters.model_file import bundled_model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Failsoft

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SMALL = "smollm2-135m-instruct-q4"
END_SECONDS = 20
BROKEN = """
models:
  broken:
    parameters: 1000
    context_tokens: 8192
    architecture: {{layers: 1, hidden: 8, kv_heads: 1, head_dim: 8, vocabulary: 8, tied: true}}
    capabilities: []
    weights:
      broken-q4:
        format: gguf
        quantisation: q4
        directory: {directory}
        files: [{{path: broken.gguf}}]
        licence: {{name: none}}
"""


def bench_of(
    failsoft: "Failsoft", folder: "Path", content: bytes
) -> subprocess.CompletedProcess[str]:
    """The command with a model of its user's own, whose file is that."""
    (folder / "broken.gguf").write_bytes(content)
    catalogue = folder / "models.yaml"
    catalogue.write_text(BROKEN.format(directory=folder))
    return failsoft("bench", "--model", "broken", "--catalogue", str(catalogue))


def row_of(run: subprocess.CompletedProcess[str]) -> list[str]:
    """Name, profile, time of loading and memory, as the table has them."""
    (row,) = [line.split() for line in run.stdout.splitlines() if line.startswith("broken-q4 ")]
    return row[:4]


def test_the_small_model_is_measured_and_fits_a_gibibyte(failsoft: "Failsoft") -> None:
    """What the minimal profile promises, as the service itself runs it."""
    run = failsoft("bench", "--model", SMALL, "--tokens", "4", "--json")

    assert run.returncode == 0, run.stderr
    (tier,) = json.loads(run.stdout)["tiers"]
    assert (tier["weights"], tier["profile"], tier["trouble"]) == (SMALL, "minimal", "")
    assert "profile minimal" in tier["runs"]
    assert tier["loadSeconds"] > 0.0
    assert 1 << 27 < tier["readyBytes"] <= tier["peakBytes"] <= 1 << 30
    assert [speed["streams"] for speed in tier["speeds"]] == [1, 8]
    for speed in tier["speeds"]:
        assert min(speed.values()) > 0


def test_a_file_that_is_no_model_is_a_row_with_its_reason(
    failsoft: "Failsoft", tmp_path: "Path"
) -> None:
    run = bench_of(failsoft, tmp_path, b"GGUF and no more")

    assert (run.returncode, row_of(run)) == (1, ["broken-q4", "minimal", "-", "-"])
    assert "its GGUF version is" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_an_engine_that_cannot_load_the_model_is_a_row_as_soon_as_it_has_failed(
    failsoft: "Failsoft", tmp_path: "Path"
) -> None:
    """The service would try it again for ever."""
    without_a_tensor = bundled_model().read_bytes().replace(b"attn_q", b"attn_z")

    run = bench_of(failsoft, tmp_path, without_a_tensor)

    assert (run.returncode, row_of(run)) == (1, ["broken-q4", "minimal", "-", "-"])
    assert "the engine's process" in run.stdout


def test_an_interrupted_measurement_leaves_no_process_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "failsoft_cli", "bench", "--model", SMALL, "--tokens", "8000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as bench:
        assert bench.stderr is not None
        assert any(line.startswith("ready") for line in bench.stderr)
        children = psutil.Process(bench.pid).children(recursive=True)
        bench.send_signal(signal.SIGINT)
        bench.wait(END_SECONDS)

    assert bench.returncode == 130
    assert len(children) == 2  # the service and its engine
    assert not psutil.wait_procs(children, timeout=END_SECONDS)[1]


def test_a_model_that_nobody_knows_is_refused(failsoft: "Failsoft") -> None:
    run = failsoft("bench", "--model", "smollm3")

    assert run.returncode == 2
    assert "did you mean smollm2" in run.stderr
