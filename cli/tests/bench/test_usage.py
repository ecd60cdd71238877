"""What a process and its descendants take."""

import os
import subprocess
import sys

import pytest

from failsoft_cli.bench.usage import Entry, Usage, from_ps, from_stat, tree, usage_of


def entry(pid: int, parent: int) -> Entry:
    return Entry(pid=pid, parent=parent, usage=Usage(resident=10**pid, cpu=float(pid)))


def test_a_tree_is_its_root_and_all_below_it() -> None:
    """Init is its own grandparent's parent in no listing, and a parent may have just ended."""
    entries = [entry(0, 0), entry(1, 0), entry(2, 1), entry(3, 2), entry(4, 1), entry(5, 9)]

    assert tree(2, entries) == Usage(resident=1100, cpu=5.0)
    assert tree(7, entries) == Usage(resident=0, cpu=0.0)


def test_a_line_of_proc_is_read_whatever_the_command_is_called() -> None:
    stat = (
        "4242 (a) b (c) S 17 4242 4242 0 -1 4194304 1 0 0 0 250 50 9 9 20 0 3 0 5 900 12 18446744"
        " 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"
    )

    read = from_stat(stat, page=4096, ticks=100)

    assert read == Entry(pid=4242, parent=17, usage=Usage(resident=12 * 4096, cpu=3.0))


@pytest.mark.parametrize(
    ("spent", "seconds"),
    [("0:01.50", 1.5), ("12:00.00", 720.0), ("01:00:05", 3605.0), ("2-00:00:01", 172801.0)],
)
def test_a_line_of_ps_is_read(spent: str, seconds: float) -> None:
    (read,) = from_ps([f"  42    7  1024 {spent}"])

    assert read == Entry(pid=42, parent=7, usage=Usage(resident=1 << 20, cpu=seconds))


@pytest.mark.integration
def test_the_memory_of_a_child_is_counted_with_its_parents() -> None:
    alone = usage_of(os.getpid())
    code = "kept = bytearray(64 << 20); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        both = usage_of(os.getpid())
        child.communicate(b"\n")

    assert both.resident - alone.resident > 60 << 20
    assert both.cpu >= alone.cpu > 0.0
