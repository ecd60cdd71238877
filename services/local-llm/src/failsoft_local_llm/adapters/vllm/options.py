"""How vLLM runs the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from failsoft_kit.logs import LogSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmOptions:
    """All that a machine's profile and the operator decide."""

    model_directory: Path
    max_sequences: int
    """Requests that are answered at once; more wait."""
    context_tokens: int
    """Tokens of conversation and answer together."""
    dtype: str = "auto"
    """What it calculates in, `bfloat16` or `float16`; `auto`: as the weights are."""
    kv_cache_bytes: int | None = None
    """KV cache, on each GPU; of the process on a CPU. None: as vLLM likes."""
    gpus: tuple[str, ...] = ()
    """UUIDs of the GPUs to use, one for each part of the model; empty: the first, or the CPU."""
    gpu_memory_share: float | None = None
    """Share of each GPU's whole memory that it takes at most; None: as vLLM likes."""
    threads: int | None = None
    """Of the model on a CPU; None: one for each core but one."""
    adapters: Mapping[str, Path] = field(default_factory=dict)
    """LoRA adapters by the names that callers ask for."""
    adapter_rank: int = 1
    """The highest of theirs."""
    tool_parser: str | None = None
    """vLLM's parser for the form in which the model calls tools; None: it calls none."""
    traces_endpoint: str | None = None
    """Where its spans go; None: nowhere."""
    log: LogSettings = field(default_factory=LogSettings)
    """What its processes log, and how."""
