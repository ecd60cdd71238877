"""Machines to choose for."""

from collections.abc import Callable

import pytest

from failsoft_local_llm.core.profile.facts import (
    Cpu,
    EngineKind,
    Gpu,
    Gpus,
    Machine,
    Memory,
    Storage,
)

MIB = 1 << 20
GIB = 1 << 30
BOTH = frozenset({EngineKind.VLLM, EngineKind.OPENVINO})
BUNDLED = frozenset({"smollm2-135m-instruct-q4"})

MakeGpu = Callable[..., Gpu]
MakeMachine = Callable[..., Machine]


def gpu(
    name: str,
    *,
    mib: int,
    capability: tuple[int, int],
    number: int = 0,
    free: float = 0.98,
    mig: bool = False,
) -> Gpu:
    """A GPU with that much memory, of which a share is free."""
    return Gpu(
        name=name,
        uuid=f"GPU-{number}",
        capability=capability,
        total_bytes=mib * MIB,
        free_bytes=int(mib * MIB * free),
        mig=mig,
    )


def machine(
    *gpus: Gpu,
    memory: int = 64 * GIB,
    cores: int = 16,
    flags: frozenset[str] = frozenset({"avx2"}),
    arch: str = "x86_64",
    system: str = "Linux",
    cuda: tuple[int, int] = (13, 0),
    disk: int | None = 500 * GIB,
    complete: frozenset[str] = BUNDLED,
    engines: frozenset[EngineKind] = BOTH,
) -> Machine:
    """A machine with that much free memory, both engines, and only the bundled model."""
    found = (
        Gpus(found=gpus, driver="580.65.06", cuda=cuda)
        if gpus
        else Gpus(note="the NVIDIA driver is not installed")
    )
    return Machine(
        system=system,
        cpu=Cpu(model="A CPU", machine=arch, flags=flags, cores=cores, installed=cores),
        memory=Memory(total_bytes=memory, free_bytes=memory, limited=False),
        gpus=found,
        storage=Storage(directory="/models", free_bytes=disk, complete=complete),
        engines=engines,
    )


@pytest.fixture(scope="session")
def make_gpu() -> MakeGpu:
    return gpu


@pytest.fixture(scope="session")
def make_machine() -> MakeMachine:
    return machine
