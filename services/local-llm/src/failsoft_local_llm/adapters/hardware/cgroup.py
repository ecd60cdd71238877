"""What the control groups of this process allow it.

A limit may be set at any level above the process, so all levels are read up to the mount.
In a container the path that the kernel names may not exist below the mount, which then is the
container's own group.
Cpusets are not read: the kernel keeps a process's affinity within its cpuset.

Files: https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/memory.html beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from failsoft_local_llm.adapters.hardware.text import read_fields, read_number, read_text

_NO_LIMIT = 1 << 60
"""From here on a number of version 1 means that there is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None: there is no limit."""

    cores: float | None
    """Processor time per time."""
    memory_bytes: int | None
    """The smallest limit of all levels."""
    memory_left_bytes: int | None
    """What may still be taken, at the tightest level; page cache that is not in use is free."""


def read_limits(root: Path) -> Limits:
    """The limits of this process.

    Args:
        root: Where `proc` and `sys` are; `/` but in tests.
    """
    quotas: list[float] = []
    limits: list[int] = []
    left: list[int] = []
    for group in _unified(root):
        quotas += _quota_v2(group)
        for limit, used in _memory_v2(group):
            limits.append(limit)
            left.append(max(0, limit - used))
    for group in _legacy(root, "cpu"):
        quotas += _quota_v1(group)
    for group in _legacy(root, "memory"):
        for limit, used in _memory_v1(group):
            limits.append(limit)
            left.append(max(0, limit - used))
    return Limits(
        cores=min(quotas, default=None),
        memory_bytes=min(limits, default=None),
        memory_left_bytes=min(left, default=None),
    )


def _unified(root: Path) -> Iterator[Path]:
    """The groups of version 2 that this process is in, its own first."""
    mount = root / "sys/fs/cgroup"
    if not (mount / "cgroup.controllers").exists():
        mount /= "unified"
    yield from _levels(mount, _path(root, ""))


def _legacy(root: Path, controller: str) -> Iterator[Path]:
    """The groups of version 1 that this process is in, its own first."""
    yield from _levels(root / "sys/fs/cgroup" / controller, _path(root, controller))


def _path(root: Path, controller: str) -> str:
    """Of this process's group; empty: the kernel names none.

    Args:
        controller: Of version 1; empty for version 2.
    """
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path.strip("/")
    return ""


def _levels(mount: Path, path: str) -> Iterator[Path]:
    group = mount / path
    if not group.is_dir() or ".." in Path(path).parts:
        group = mount
    yield group
    while group != mount:
        group = group.parent
        yield group


def _quota_v2(group: Path) -> Iterator[float]:
    quota, _, period = (read_text(group / "cpu.max") or "").partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        yield int(quota) / int(period)


def _quota_v1(group: Path) -> Iterator[float]:
    quota = read_number(group / "cpu.cfs_quota_us")
    period = read_number(group / "cpu.cfs_period_us")
    if quota is not None and period and quota > 0:
        yield quota / period


def _memory_v2(group: Path) -> Iterator[tuple[int, int]]:
    """A limit and what is used of it. From `memory.high` on the kernel takes memory back."""
    found = [read_number(group / name) for name in ("memory.max", "memory.high")]
    limits = [limit for limit in found if limit is not None]
    if limits:
        cache = _number(read_fields(group / "memory.stat").get("inactive_file"))
        yield min(limits), max(0, (read_number(group / "memory.current") or 0) - cache)


def _memory_v1(group: Path) -> Iterator[tuple[int, int]]:
    limit = read_number(group / "memory.limit_in_bytes")
    if limit is not None and limit < _NO_LIMIT:
        cache = _number(read_fields(group / "memory.stat").get("total_inactive_file"))
        yield limit, max(0, (read_number(group / "memory.usage_in_bytes") or 0) - cache)


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
