"""What was decided, and why."""

import enum
from dataclasses import dataclass

from failsoft_local_llm.core.catalogue import Weights
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.core.profile.units import counted, gib


class Profile(enum.Enum):
    """How big a model the operator wants."""

    AUTO = "auto"
    """Primary where it fits, else minimal."""
    PRIMARY = "primary"
    """The biggest model that the GPUs hold."""
    MINIMAL = "minimal"
    """The small one that fits next to other things."""


class DType(enum.Enum):
    """What the engine calculates in."""

    BF16 = "bfloat16"
    FP16 = "float16"
    FP32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator has set; None: as the profile chooses."""

    profile: Profile = Profile.AUTO
    model: str | None = None
    """A model or weights of the catalogue."""
    context_tokens: int | None = None
    max_sequences: int | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Something that was not taken."""

    name: str
    """Weights, or a profile of which nothing fits."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What this machine should run."""

    profile: Profile
    """PRIMARY or MINIMAL."""
    degraded: bool
    """Whether the operator asked for more than this by name."""
    engine: EngineKind
    weights: Weights
    present: bool
    """Whether the weights are on this machine already."""
    dtype: DType
    context_tokens: int
    max_sequences: int
    kv_bytes: int
    """KV cache, on each GPU; of the process on a CPU."""
    threads: int
    gpus: tuple[str, ...]
    """UUIDs of the GPUs to use, one for each part of the model; empty: the CPU."""
    gpu_memory_share: float | None
    """Share of each GPU's whole memory that the engine takes at most; None: no GPU."""
    reasons: tuple[str, ...]
    """Sentences, in the order of the decisions."""
    rejected: tuple[Rejected, ...]

    @property
    def tensor_parallel(self) -> int:
        """In how many parts the model is cut."""
        return max(1, len(self.gpus))

    @property
    def sentence(self) -> str:
        """All that matters of it, for health and logs."""
        gpus, threads = counted(len(self.gpus), "GPU"), counted(self.threads, "CPU thread")
        place = gpus if self.gpus else threads
        less = ", less than was asked for" if self.degraded else ""
        return (
            f"profile {self.profile.value}{less}: {self.weights.name} in {self.dtype.value}"
            f" by {self.engine.value} on {place}, context {self.context_tokens} tokens,"
            f" {counted(self.max_sequences, 'sequence')}, KV cache {gib(self.kv_bytes)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Nothing in the catalogue can run here."""

    sentence: str
    """What is missing, with numbers, and what to do."""
    rejected: tuple[Rejected, ...]
