"""local-llm with vLLM on the CPU, as a process of the environment that has it."""

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from processes import free_ports, process, wait_until_serving

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
MAKE_MODELS = ROOT / "scripts" / "vllm_models.py"

INFERENCE = "failsoft.inference.v1.InferenceService"
START_SECONDS = 400.0
"""Three processes import torch, on a machine that has other things to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmService:
    """A service whose model is loading or loaded."""

    process: psutil.Process
    address: str
    metrics_address: str
    log: Path

    def wait_until_serving(self) -> None:
        """Return once the model answers."""
        wait_until_serving(self.address, INFERENCE, within=START_SECONDS)

    def engine_processes(self) -> dict[str, psutil.Process]:
        """vLLM's processes by what they call themselves, such as `VLLM::EngineCore`."""
        children = self.process.children(recursive=True)
        return {each.name(): each for each in children if each.name().startswith("VLLM::")}


def model(name: str) -> Path:
    """A model of scripts/vllm_models.py, made once for each version of the script."""
    if not PYTHON.exists():
        pytest.skip("vLLM is not installed: run `make setup-vllm`")
    version = hashlib.sha256(MAKE_MODELS.read_bytes()).hexdigest()[:12]
    directory = ROOT / "build" / f"vllm-models-{version}" / name
    if directory.exists():  # importing what makes them takes seconds
        return directory
    subprocess.run([PYTHON, MAKE_MODELS, name, directory], check=True, capture_output=True)
    return directory


@contextmanager
def vllm_service(
    directory: Path, *, environ: Mapping[str, str] | None = None, **settings: str
) -> Iterator[VllmService]:
    """A service with that model; its first start is under way."""
    address, metrics_address = (f"127.0.0.1:{port}" for port in free_ports(2))
    given = {
        "engine": "vllm",
        "fallback": "false",
        "model_directory": str(directory),
        "model": directory.name,
        "context_tokens": "2048",
        "kv_cache_mib": "256",
        "start": f"{START_SECONDS:g}s",
        "address": address,
        "metrics_address": metrics_address,
        **settings,
    }
    variables = {f"FAILSOFT_LOCAL_LLM_{name.upper()}": value for name, value in given.items()}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vllm-")))
        started = stack.enter_context(
            process(
                ["-m", "failsoft_local_llm"],
                folder=folder,
                variables={**variables, **(environ or {})},
                python=[str(PYTHON)],
            )
        )
        log = folder / "failsoft_local_llm.log"
        yield VllmService(
            process=psutil.Process(started.pid),
            address=address,
            metrics_address=metrics_address,
            log=log,
        )
