"""What a machine has, as far as this process may use it."""

import enum
from dataclasses import dataclass


class EngineKind(enum.Enum):
    """What can run a model."""

    VLLM = "vllm"
    OPENVINO = "openvino"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One NVIDIA GPU, or one MIG slice of it."""

    name: str
    uuid: str
    """How CUDA_VISIBLE_DEVICES names it."""
    capability: tuple[int, int]
    """Compute capability, such as (8, 9)."""
    total_bytes: int
    free_bytes: int
    mig: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus:
    """Every GPU that this process may use."""

    found: tuple[Gpu, ...] = ()
    note: str = ""
    """Why there is none, in words; empty when there are some."""
    driver: str | None = None
    """The driver's version, such as `580.65.06`; None: there is none."""
    cuda: tuple[int, int] | None = None
    """The newest CUDA that the driver runs, such as (13, 0); None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """The processor."""

    model: str
    """Its name; empty: not known."""
    machine: str
    """`x86_64`, `aarch64`, `arm64`."""
    flags: frozenset[str]
    """Those of `INTERESTING_FLAGS` that it has."""
    cores: int
    """Logical cores that this process may keep busy, after affinity and quota; at least 1."""
    installed: int
    """Logical cores that the machine has."""


INTERESTING_FLAGS = frozenset(
    {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimdhp", "bf16"}
)
"""What the speed of a model on a CPU depends on, as Linux calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The machine's memory, or what the cgroup leaves of it."""

    total_bytes: int
    free_bytes: int
    """Without swap; what the kernel would give up of its page cache is free."""
    limited: bool
    """Whether a cgroup allows less than the machine has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where models are kept."""

    directory: str
    free_bytes: int | None
    """None: it cannot be told."""
    complete: frozenset[str]
    """Names of weights that are there and whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """All of it."""

    system: str
    """`Linux` or `Darwin`."""
    cpu: Cpu
    memory: Memory
    gpus: Gpus
    storage: Storage
    engines: frozenset[EngineKind]
    """Those that are installed."""
