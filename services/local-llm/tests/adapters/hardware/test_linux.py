"""Processor and memory out of the kernel's files, written by us."""

from collections.abc import Callable
from pathlib import Path

import pytest

from failsoft_local_llm.adapters.hardware import linux
from failsoft_local_llm.adapters.hardware.cgroup import Limits, read_limits
from failsoft_local_llm.core.profile.facts import Cpu

MIB = 1 << 20
GIB = 1 << 30
NONE = Limits(cores=None, memory_bytes=None, memory_left_bytes=None)
V1_NO_LIMIT = "9223372036854771712"

Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files below a root of their own, and gives that root."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        return tmp_path

    return write


class TestCgroup2:
    def test_a_container_is_limited_by_its_own_group(self, write: Write) -> None:
        root = write(
            {
                "proc/self/cgroup": "0::/",
                "sys/fs/cgroup/cgroup.controllers": "cpu memory",
                "sys/fs/cgroup/cpu.max": "150000 100000",
                "sys/fs/cgroup/memory.max": str(2 * GIB),
                "sys/fs/cgroup/memory.current": str(700 * MIB),
                "sys/fs/cgroup/memory.stat": f"anon {400 * MIB}\ninactive_file {300 * MIB}",
            }
        )

        assert read_limits(root) == Limits(
            cores=1.5, memory_bytes=2 * GIB, memory_left_bytes=2 * GIB - 400 * MIB
        )

    def test_the_tightest_of_all_levels_counts(self, write: Write) -> None:
        """A pod's limit lies above its container's."""
        group = "sys/fs/cgroup/pod/container"
        root = write(
            {
                "proc/self/cgroup": "0::/pod/container",
                "sys/fs/cgroup/cgroup.controllers": "cpu memory",
                f"{group}/cpu.max": "max 100000",
                f"{group}/memory.max": str(3 * GIB),
                f"{group}/memory.current": "0",
                "sys/fs/cgroup/pod/cpu.max": "200000 100000",
                "sys/fs/cgroup/pod/memory.max": str(4 * GIB),
                "sys/fs/cgroup/pod/memory.current": str(3 * GIB),
            }
        )

        assert read_limits(root) == Limits(
            cores=2.0, memory_bytes=3 * GIB, memory_left_bytes=1 * GIB
        )

    def test_a_throttle_counts_as_a_limit(self, write: Write) -> None:
        root = write(
            {
                "proc/self/cgroup": "0::/",
                "sys/fs/cgroup/cgroup.controllers": "memory",
                "sys/fs/cgroup/memory.max": "max",
                "sys/fs/cgroup/memory.high": str(GIB),
                "sys/fs/cgroup/memory.current": "0",
            }
        )

        assert read_limits(root).memory_bytes == GIB

    def test_no_limit_is_no_limit(self, write: Write) -> None:
        root = write(
            {
                "proc/self/cgroup": "0::/user.slice",
                "sys/fs/cgroup/cgroup.controllers": "cpu memory",
                "sys/fs/cgroup/user.slice/cpu.max": "max 100000",
                "sys/fs/cgroup/user.slice/memory.max": "max",
            }
        )

        assert read_limits(root) == NONE


class TestCgroup1:
    def test_a_container_is_limited_by_the_mount_where_its_path_is_the_hosts(
        self, write: Write
    ) -> None:
        root = write(
            {
                "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": str(3 * GIB),
                "sys/fs/cgroup/memory/memory.usage_in_bytes": str(GIB),
                "sys/fs/cgroup/memory/memory.stat": f"total_inactive_file {512 * MIB}",
            }
        )

        assert read_limits(root) == Limits(
            cores=4.0, memory_bytes=3 * GIB, memory_left_bytes=3 * GIB - 512 * MIB
        )

    def test_a_process_of_the_host_is_limited_by_its_path(self, write: Write) -> None:
        root = write(
            {
                "proc/self/cgroup": "4:memory:/jobs/one",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": V1_NO_LIMIT,
                "sys/fs/cgroup/memory/jobs/one/memory.limit_in_bytes": str(GIB),
                "sys/fs/cgroup/memory/jobs/one/memory.usage_in_bytes": "0",
            }
        )

        assert read_limits(root).memory_bytes == GIB

    def test_no_limit_is_no_limit(self, write: Write) -> None:
        root = write(
            {
                "proc/self/cgroup": "4:memory:/\n1:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": V1_NO_LIMIT,
            }
        )

        assert read_limits(root) == NONE


def test_a_machine_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    assert read_limits(tmp_path) == NONE


def test_memory_is_what_the_kernel_says_without_a_limit(write: Write) -> None:
    root = write({"proc/meminfo": "MemTotal: 16384 kB\nMemFree: 100 kB\nMemAvailable: 8192 kB"})

    memory = linux.read_memory(root, NONE)

    assert (memory.total_bytes, memory.free_bytes) == (16 * MIB, 8 * MIB)
    assert not memory.limited


def test_memory_is_the_less_of_machine_and_limit(write: Write) -> None:
    root = write({"proc/meminfo": "MemTotal: 16384 kB\nMemAvailable: 2048 kB"})
    limits = Limits(cores=None, memory_bytes=4 * MIB, memory_left_bytes=3 * MIB)

    memory = linux.read_memory(root, limits)

    assert (memory.total_bytes, memory.free_bytes) == (4 * MIB, 2 * MIB)
    assert memory.limited


def cpu(root: Path, *, cores: float | None = None, affinity: int = 8) -> Cpu:
    limits = Limits(cores=cores, memory_bytes=None, memory_left_bytes=None)
    return linux.read_cpu(
        root, limits, machine="x86_64", affinity=set(range(affinity)), installed=64
    )


def test_a_processor_tells_its_name_and_the_flags_that_matter(write: Write) -> None:
    root = write(
        {
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: Xeon: 8480+\n"
            "flags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16\n\nprocessor\t: 1\nmodel name\t: B"
        }
    )

    read = cpu(root)

    assert read.model == "Xeon: 8480+"
    assert read.flags == {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}


def test_an_arm_processor_calls_its_flags_features(write: Write) -> None:
    root = write({"proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimdhp bf16"})

    assert cpu(root).flags == {"asimdhp", "bf16"}


@pytest.mark.parametrize(
    ("quota", "affinity", "cores"),
    [(None, 8, 8), (2.5, 8, 2), (0.5, 8, 1), (16.0, 4, 4)],
    ids=["all", "a quota", "less than one", "affinity is less than the quota"],
)
def test_cores_are_those_that_may_be_kept_busy(
    tmp_path: Path, quota: float | None, affinity: int, cores: int
) -> None:
    read = cpu(tmp_path, cores=quota, affinity=affinity)

    assert (read.cores, read.installed) == (cores, 64)
