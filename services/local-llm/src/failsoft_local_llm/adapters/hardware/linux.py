"""Processor and memory of a Linux machine, as far as this process may use them."""

from collections.abc import Set as AbstractSet
from pathlib import Path

from failsoft_local_llm.adapters.hardware.cgroup import Limits
from failsoft_local_llm.adapters.hardware.text import read_fields
from failsoft_local_llm.core.profile.facts import INTERESTING_FLAGS, Cpu, Memory

_KIB = 1024


def read_cpu(
    root: Path, limits: Limits, *, machine: str, affinity: AbstractSet[int], installed: int
) -> Cpu:
    """The processor.

    Args:
        root: Where `proc` is; `/` but in tests.
        machine: The kernel's name for its kind.
        affinity: Logical cores that the kernel may put this process on.
        installed: Logical cores that the machine has.
    """
    first = read_fields(root / "proc/cpuinfo", separator=":")
    flags = first.get("flags", first.get("Features", "")).split()
    allowed = float(len(affinity))
    if limits.cores is not None:
        allowed = min(allowed, limits.cores)
    return Cpu(
        model=first.get("model name", ""),
        machine=machine,
        flags=INTERESTING_FLAGS & frozenset(flags),
        cores=max(1, int(allowed)),
        installed=installed,
    )


def read_memory(root: Path, limits: Limits) -> Memory:
    """The memory; zeros where the kernel does not tell."""
    fields = read_fields(root / "proc/meminfo", separator=":")
    total = _bytes(fields.get("MemTotal", "0"))
    free = _bytes(fields.get("MemAvailable", "0"))
    allowed = total if limits.memory_bytes is None else min(total, limits.memory_bytes)
    left = free if limits.memory_left_bytes is None else min(free, limits.memory_left_bytes)
    return Memory(total_bytes=allowed, free_bytes=left, limited=allowed < total)


def _bytes(text: str) -> int:
    """From `16384 kB`."""
    number = text.split()[0]
    return int(number) * _KIB if number.isdecimal() else 0
