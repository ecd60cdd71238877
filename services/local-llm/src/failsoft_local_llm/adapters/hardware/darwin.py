"""Processor and memory of a Mac."""

import re
import subprocess
from collections.abc import Callable, Sequence

from failsoft_local_llm.core.profile.facts import Cpu, Memory

Run = Callable[[Sequence[str]], str]
"""Runs a program: what it printed, or nothing where it failed."""

_SECONDS = 5.0
_PAGE = re.compile(r"page size of (\d+) bytes")
_FREE = ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable")
"""What macOS gives out without swapping."""


def run(arguments: Sequence[str]) -> str:
    """What the program printed; empty: it is not there, failed, or took too long."""
    try:
        done = subprocess.run(  # noqa: S603 - programs of macOS, named in full
            arguments, capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def read_cpu(run: Run, *, machine: str, installed: int) -> Cpu:
    """The processor; a Mac knows neither affinity nor quota."""
    model = run(["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]).strip()
    return Cpu(
        model=model,
        machine=machine,
        flags=frozenset(),
        cores=max(1, installed),
        installed=installed,
    )


def read_memory(run: Run) -> Memory:
    """The memory; zeros where the system does not tell."""
    total = run(["/usr/sbin/sysctl", "-n", "hw.memsize"]).strip()
    said = run(["/usr/bin/vm_stat"])
    page = _PAGE.search(said)
    counts = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    pages = sum(int(counts.get(name, "0").strip(" .") or 0) for name in _FREE)
    return Memory(
        total_bytes=int(total) if total.isdecimal() else 0,
        free_bytes=pages * int(page[1]) if page else 0,
        limited=False,
    )
