"""Processor and memory out of what macOS's programs print."""

from collections.abc import Sequence

from failsoft_local_llm.adapters.hardware import darwin

GIB = 1 << 30
VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               65536.
Pages active:                            200000.
Pages inactive:                          131072.
Pages speculative:                        32768.
Pages purgeable:                          32768.
"Translation faults":                 123456789.
"""
SAID = {
    "machdep.cpu.brand_string": "Apple M2\n",
    "hw.memsize": f"{16 * GIB}\n",
    "/usr/bin/vm_stat": VM_STAT,
}


def said(arguments: Sequence[str]) -> str:
    return SAID[arguments[-1]]


def nothing(arguments: Sequence[str]) -> str:
    return ""


def test_a_mac_tells_its_memory_in_pages() -> None:
    memory = darwin.read_memory(said)

    assert (memory.total_bytes, memory.free_bytes) == (16 * GIB, 4 * GIB)
    assert not memory.limited


def test_a_mac_tells_its_processor() -> None:
    cpu = darwin.read_cpu(said, machine="arm64", installed=8)

    assert (cpu.model, cpu.machine, cpu.cores) == ("Apple M2", "arm64", 8)


def test_a_program_that_fails_leaves_zeros() -> None:
    memory = darwin.read_memory(nothing)

    assert (memory.total_bytes, memory.free_bytes) == (0, 0)
    assert darwin.read_cpu(nothing, machine="arm64", installed=8).model == ""


def test_a_program_that_is_not_there_has_said_nothing() -> None:
    assert darwin.run(["/nonexistent/vm_stat"]) == ""
