"""The small model: GGUF on the CPU, by OpenVINO, next to other things."""

from collections.abc import Sequence

from failsoft_local_llm.core.catalogue import Format, Weights
from failsoft_local_llm.core.profile import budget
from failsoft_local_llm.core.profile.choice import Choice, DType, Profile, Rejected, Wish
from failsoft_local_llm.core.profile.facts import Cpu, EngineKind, Machine
from failsoft_local_llm.core.profile.storage import obstacle as storage_obstacle
from failsoft_local_llm.core.profile.units import GIB, MIB, counted, gib

FORMAT = Format.GGUF
"""What OpenVINO is given."""
MOST_BYTES = GIB
"""What the minimal profile takes at most, both processes, unless a model was asked for by name."""
MOST_FREE_SHARE = 0.9
"""Of the free memory; the rest is for what else grows."""
RUNTIME_BYTES = 448 * MIB
"""Beside weights and KV cache. Measured with SmolLM2-135M on two cores: the engine's process takes
334 MiB when loaded and 388 MiB at work, 94 of them weights; the service takes about 120."""
LEAST_CONTEXT = 1024
MOST_SEQUENCES = 8
"""More at once give each caller fewer tokens a second than one reads."""
MOST_THREADS = 8
"""A step of a small model is too short to be cut finer."""


def obstacle(machine: Machine) -> str | None:
    """Why no model at all can be minimal here; None: one may."""
    if EngineKind.OPENVINO not in machine.engines:
        return "OpenVINO GenAI is not installed: install failsoft-local-llm[openvino]"
    return None


def best(
    machine: Machine, weights: Sequence[Weights], wish: Wish, *, by_name: bool
) -> tuple[Choice | None, tuple[Rejected, ...]]:
    """The best of these weights that fits, and why others that are better were not taken.

    Args:
        weights: Those in other formats than `FORMAT` are left out.
        by_name: Whether the operator asked for them, who may have more than the profile takes.
    """
    rejected: list[Rejected] = []
    readable = [each for each in weights if each.format is FORMAT]
    for each in sorted(readable, key=lambda each: _rank(machine, each)):
        found = _fit(machine, each, wish, by_name=by_name)
        if isinstance(found, Choice):
            return found, tuple(rejected)
        rejected.append(Rejected(name=each.name, why=found))
    return None, tuple(rejected)


def _rank(machine: Machine, weights: Weights) -> tuple[bool, int]:
    return (weights.name not in machine.storage.complete, -weights.bytes)


def _fit(machine: Machine, weights: Weights, wish: Wish, *, by_name: bool) -> Choice | str:
    """How the weights fit; else why they don't."""
    if (full := storage_obstacle(machine.storage, weights)) is not None:
        return full
    allowed = int(machine.memory.free_bytes * MOST_FREE_SHARE)
    if not by_name:
        allowed = min(allowed, MOST_BYTES)
    kv_bytes = max(0, allowed - RUNTIME_BYTES - weights.bytes)
    model = weights.model
    room = budget.room(
        kv_bytes // budget.bytes_per_token(model.architecture),
        most_context=model.context_tokens,
        least_context=LEAST_CONTEXT,
        most_sequences=MOST_SEQUENCES,
        context=wish.context_tokens,
        sequences=wish.max_sequences,
    )
    if room is None:
        return (
            f"{gib(allowed)} of memory may be taken of {gib(machine.memory.free_bytes)} free,"
            f" it needs {gib(_least_bytes(weights, wish))} free:"
            " stop other programs, or raise the container's memory limit"
        )
    return _choice(machine, weights, wish, room=room, kv_bytes=kv_bytes)


def _least_bytes(weights: Weights, wish: Wish) -> int:
    """Free memory from which on the weights fit."""
    tokens = budget.tokens_needed(
        least_context=LEAST_CONTEXT,
        most_context=weights.model.context_tokens,
        context=wish.context_tokens,
    )
    kv_bytes = tokens * budget.bytes_per_token(weights.model.architecture)
    return int((RUNTIME_BYTES + weights.bytes + kv_bytes) / MOST_FREE_SHARE) + 1


def _choice(
    machine: Machine, weights: Weights, wish: Wish, *, room: budget.Room, kv_bytes: int
) -> Choice:
    dtype = _dtype(machine.cpu)
    threads = wish.threads or min(machine.cpu.cores, MOST_THREADS)
    limit = " by its cgroup" if machine.memory.limited else ""
    return Choice(
        profile=Profile.MINIMAL,
        degraded=False,
        engine=EngineKind.OPENVINO,
        weights=weights,
        present=weights.name in machine.storage.complete,
        dtype=dtype,
        context_tokens=room.context_tokens,
        max_sequences=room.max_sequences,
        kv_bytes=kv_bytes,
        threads=threads,
        gpus=(),
        gpu_memory_share=None,
        reasons=(
            f"{gib(machine.memory.free_bytes)} of memory are free, of"
            f" {gib(machine.memory.total_bytes)} allowed{limit}",
            f"{weights.name} fits: {gib(RUNTIME_BYTES)} for the processes, {gib(weights.bytes)} of"
            f" weights, {gib(kv_bytes)} left for the KV cache",
            f"the CPU calculates in {dtype.value}; {counted(threads, 'thread')}, for"
            f" {machine.cpu.cores} of {machine.cpu.installed} cores may be kept busy",
        ),
        rejected=(),
    )


def _dtype(cpu: Cpu) -> DType:
    """What OpenVINO takes by itself: bf16 where the CPU has it, fp16 on ARM, else fp32."""
    if cpu.flags & {"avx512_bf16", "amx_bf16"}:
        return DType.BF16
    if cpu.machine in {"aarch64", "arm64"}:
        return DType.FP16
    return DType.FP32
