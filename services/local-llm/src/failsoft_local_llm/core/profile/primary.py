"""The big model: safetensors on NVIDIA GPUs, by vLLM.

Numbers without another source are rules of thumb that were not measured by us.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from failsoft_local_llm.core.catalogue import Format, Quantisation, Weights
from failsoft_local_llm.core.profile import budget
from failsoft_local_llm.core.profile.choice import Choice, DType, Profile, Rejected, Wish
from failsoft_local_llm.core.profile.facts import EngineKind, Gpu, Machine
from failsoft_local_llm.core.profile.storage import obstacle as storage_obstacle
from failsoft_local_llm.core.profile.units import GIB, gib

FORMAT = Format.SAFETENSORS
"""What vLLM is given."""
LEAST_CUDA = (13, 0)
"""vLLM 0.32 and its torch are built for CUDA 13.0, which NVIDIA's drivers have from 580 on."""
LEAST_CAPABILITY = (7, 5)
"""The oldest that CUDA 13 compiles for (T4, RTX 20). vLLM's documentation names the same for every
quantisation of the catalogue; below 8.9 fp8 weights are stored so and calculated in 16 bits."""
BF16_CAPABILITY = (8, 0)
"""Older GPUs calculate bf16 in software."""
HOST_BYTES = 4 * GIB
"""Memory beside the GPUs for the service, the engine's core and its first worker."""
HOST_BYTES_PER_WORKER = 2 * GIB
"""For each further GPU, whose worker is a process with CUDA libraries of its own."""
RESERVE_SHARE = 0.05
"""Of the free GPU memory: what others may take while we load."""
WORKSPACE_BYTES = 3 * GIB // 2
"""On each GPU for the CUDA context, activations and graphs: 0.8 GiB are known of an 8 B model."""
MOST_WEIGHTS_SHARE = 0.7
"""Of the free GPU memory. The usual advice is 60 %; an 8 B model in bf16, which cards of 24 GB
serve well with 4.9 GiB of KV cache left, takes up to 69 %."""
LEAST_CONTEXT = 4096
PARTS = (1, 2, 4, 8)
"""GPUs that one model is cut over: they divide the KV heads of every Llama 3."""
MOST_THREADS = 8
"""vLLM's processes mostly wait for the GPU."""

_PRECISION = {Quantisation.NONE: 0, Quantisation.FP8: 1, Quantisation.INT8: 2}
_COARSE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """One way to run weights that fits."""

    gpus: tuple[Gpu, ...]
    room: budget.Room
    kv_bytes: int
    """On each GPU."""


def obstacle(machine: Machine) -> str | None:
    """Why no model at all can be primary here; None: one may."""
    gpus = machine.gpus
    if not gpus.found:
        return f"no NVIDIA GPU can be used: {gpus.note}"
    if machine.system != "Linux":
        return f"vLLM runs on Linux, not on {machine.system}"
    if EngineKind.VLLM not in machine.engines:
        return "vLLM is not installed: install failsoft-local-llm[vllm]"
    if gpus.cuda is not None and gpus.cuda < LEAST_CUDA:
        return (
            f"the NVIDIA driver {gpus.driver or 'here'} runs CUDA {_version(gpus.cuda)} at most,"
            f" vLLM needs {_version(LEAST_CUDA)}: install driver 580 or newer"
        )
    if machine.memory.free_bytes < HOST_BYTES:
        return (
            f"{gib(machine.memory.free_bytes)} of memory beside the GPU are free,"
            f" vLLM needs {gib(HOST_BYTES)}: raise the container's limit"
        )
    return None


def best(
    machine: Machine, weights: Sequence[Weights], wish: Wish
) -> tuple[Choice | None, tuple[Rejected, ...]]:
    """The best of these weights that fits, and why others that are better were not taken.

    Weights that are on the machine go before those that are not. Then more parameters go before
    fewer, even quantised ones before fewer in 16 bits; then more bits before fewer. A model is
    cut over no more GPUs than it needs.

    Args:
        weights: Those in other formats than `FORMAT` are left out.
    """
    weights = [each for each in weights if each.format is FORMAT]
    complete = machine.storage.complete
    rejected: list[Rejected] = []
    for each in sorted(weights, key=lambda each: (each.name not in complete, _rank(each))):
        found = _plan(machine, each, wish)
        if isinstance(found, _Plan):
            choice = _choice(machine, each, wish, found)
            return _with_better(machine, weights, wish, choice), tuple(rejected)
        rejected.append(Rejected(name=each.name, why=found))
    return None, tuple(rejected)


def _rank(weights: Weights) -> tuple[int, int]:
    """The lower, the better."""
    return (-weights.model.parameters, _PRECISION.get(weights.quantisation, _COARSE))


def _with_better(
    machine: Machine, weights: Sequence[Weights], wish: Wish, choice: Choice
) -> Choice:
    """The choice; where better weights than these would fit and are only not here, it says so."""
    better = [each for each in weights if _rank(each) < _rank(choice.weights)]
    for each in sorted(better, key=_rank):
        if choice.present and isinstance(_plan(machine, each, wish), _Plan):
            why = f"{each.name} is better and would fit, but is not in {machine.storage.directory}"
            return replace(choice, reasons=(*choice.reasons, why))
    return choice


def _plan(machine: Machine, weights: Weights, wish: Wish) -> _Plan | str:
    """How the weights fit; else why they don't."""
    if (full := storage_obstacle(machine.storage, weights)) is not None:
        return full
    why = f"no GPU has compute capability {_version(LEAST_CAPABILITY)}"
    for gpus in _groups(machine, weights):
        found = _on(gpus, weights, wish)
        if isinstance(found, _Plan):
            return found
        why = found
    return why


def _groups(machine: Machine, weights: Weights) -> Iterator[tuple[Gpu, ...]]:
    """Every set of equal GPUs that the weights may be cut over, the smallest sets first."""
    able = [gpu for gpu in machine.gpus.found if gpu.capability >= LEAST_CAPABILITY]
    able.sort(key=lambda gpu: (-gpu.free_bytes, gpu.uuid))
    for parts in PARTS:
        if weights.model.architecture.kv_heads % parts:
            continue
        if HOST_BYTES + (parts - 1) * HOST_BYTES_PER_WORKER > machine.memory.free_bytes:
            return
        for kind in dict.fromkeys((gpu.name, gpu.total_bytes) for gpu in able):
            alike = tuple(gpu for gpu in able if (gpu.name, gpu.total_bytes) == kind)
            if len(alike) >= parts and not (parts > 1 and alike[0].mig):
                yield alike[:parts]


def _on(gpus: tuple[Gpu, ...], weights: Weights, wish: Wish) -> _Plan | str:
    """How the weights fit on these GPUs; else why they don't."""
    free = min(gpu.free_bytes for gpu in gpus)
    part = -(-weights.bytes // len(gpus))
    where = f"{len(gpus)} x {gpus[0].name} with {gib(free)} free"
    if part > free * MOST_WEIGHTS_SHARE:
        return (
            f"its weights take {gib(part)} on each of {where}; at most"
            f" {MOST_WEIGHTS_SHARE:.0%}, {gib(int(free * MOST_WEIGHTS_SHARE))}, may be taken"
        )
    kv_bytes = max(0, int(free * (1 - RESERVE_SHARE)) - WORKSPACE_BYTES - part)
    model = weights.model
    per_token = -(-budget.bytes_per_token(model.architecture) // len(gpus))
    room = budget.room(
        kv_bytes // per_token,
        most_context=model.context_tokens,
        least_context=LEAST_CONTEXT,
        context=wish.context_tokens,
        sequences=wish.max_sequences,
    )
    if room is None:
        needed = budget.tokens_needed(
            least_context=LEAST_CONTEXT,
            most_context=model.context_tokens,
            context=wish.context_tokens,
        )
        return (
            f"its weights leave {gib(kv_bytes)} for the KV cache on {where},"
            f" {needed} tokens need {gib(needed * per_token)}"
        )
    return _Plan(gpus=gpus, room=room, kv_bytes=kv_bytes)


def _choice(machine: Machine, weights: Weights, wish: Wish, plan: _Plan) -> Choice:
    first = plan.gpus[0]
    free = min(gpu.free_bytes for gpu in plan.gpus)
    dtype = DType.BF16 if first.capability >= BF16_CAPABILITY else DType.FP16
    used = -(-weights.bytes // len(plan.gpus)) + WORKSPACE_BYTES + plan.kv_bytes
    return Choice(
        profile=Profile.PRIMARY,
        degraded=False,
        engine=EngineKind.VLLM,
        weights=weights,
        present=weights.name in machine.storage.complete,
        dtype=dtype,
        context_tokens=plan.room.context_tokens,
        max_sequences=plan.room.max_sequences,
        kv_bytes=plan.kv_bytes,
        threads=wish.threads or min(machine.cpu.cores, MOST_THREADS),
        gpus=tuple(gpu.uuid for gpu in plan.gpus),
        gpu_memory_share=int(used / first.total_bytes * 1000) / 1000,
        reasons=(
            f"{len(plan.gpus)} x {first.name} with {gib(free)} of {gib(first.total_bytes)} free",
            f"compute capability {_version(first.capability)} calculates in {dtype.value}"
            + ("" if dtype is DType.BF16 else f", bf16 needs {_version(BF16_CAPABILITY)}"),
            f"{weights.name} is the biggest that fits: its weights take"
            f" {gib(weights.bytes)}, and leave {gib(plan.kv_bytes)} for the KV cache on each GPU",
            f"{plan.room.context_tokens} tokens of context fit {budget.LONGEST_AT_ONCE} times,"
            f" and {plan.room.max_sequences} ordinary conversations at once",
        ),
        rejected=(),
    )


def _version(pair: tuple[int, int]) -> str:
    return f"{pair[0]}.{pair[1]}"
