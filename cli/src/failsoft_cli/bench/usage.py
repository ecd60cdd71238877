"""Memory and CPU time of a process and all its descendants.

Read from /proc where there is one, else from what `ps` prints. Memory that two processes share,
such as libraries, counts in both: the sum is what they take at most.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PS = ("ps", "-axo", "pid=,ppid=,rss=,time=")
_KIB = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What processes take."""

    resident: int
    """Bytes."""
    cpu: float
    """Seconds of user and system time so far; of those that have ended: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One process, as the system lists it."""

    pid: int
    parent: int
    usage: Usage


def usage_of(root: int) -> Usage:
    """What a process and its descendants take now; all zero where it is gone."""
    entries = _from_proc() if _PROC.is_dir() else from_ps(_ps())
    return tree(root, entries)


def tree(root: int, entries: Iterable[Entry]) -> Usage:
    """The sum over a process and its descendants."""
    listed = {each.pid: each for each in entries}
    found = [each.usage for each in listed.values() if _descends(each, root, listed)]
    return Usage(resident=sum(each.resident for each in found), cpu=sum(each.cpu for each in found))


def from_stat(stat: str, *, page: int, ticks: int) -> Entry:
    """One line of /proc/PID/stat; see proc_pid_stat(5).

    Args:
        page: Bytes of a page of memory.
        ticks: Of the kernel's clock, in a second.
    """
    head, _, rest = stat.rpartition(")")  # a command's name may hold spaces and brackets
    pid, fields = head.partition(" ")[0], rest.split()
    return Entry(
        pid=int(pid),
        parent=int(fields[1]),
        usage=Usage(
            resident=int(fields[21]) * page, cpu=(int(fields[11]) + int(fields[12])) / ticks
        ),
    )


def from_ps(lines: Iterable[str]) -> Iterator[Entry]:
    """What `ps` prints of each process: ids, KiB and CPU time as `[[DD-]HH:]MM:SS[.ss]`."""
    for line in lines:
        pid, parent, resident, spent = line.split()
        usage = Usage(resident=int(resident) * _KIB, cpu=_seconds(spent))
        yield Entry(pid=int(pid), parent=int(parent), usage=usage)


def _descends(entry: Entry, root: int, listed: Mapping[int, Entry]) -> bool:
    at: Entry | None = entry
    while at is not None and at.pid != root:
        at = listed.get(at.parent) if at.parent != at.pid else None
    return at is not None


def _from_proc() -> Iterator[Entry]:
    page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text("utf-8", "replace")
            except OSError:
                continue  # it has just ended
            yield from_stat(stat, page=page, ticks=ticks)


def _ps() -> list[str]:
    return subprocess.run(_PS, capture_output=True, text=True, check=True).stdout.splitlines()


def _seconds(spent: str) -> float:
    days, _, clock = spent.rpartition("-")
    seconds = int(days or 0) * 86400.0
    for power, part in enumerate(reversed(clock.split(":"))):
        seconds += float(part) * 60.0**power
    return seconds
