"""What `explain-profile` says: for people, and for programs."""

from collections.abc import Iterator

from failsoft_local_llm.core.profile.choice import Choice, Refusal
from failsoft_local_llm.core.profile.facts import Gpu, Machine
from failsoft_local_llm.core.profile.units import counted, gib

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def as_text(machine: Machine, decision: Choice | Refusal) -> str:
    """Facts, choice, reasons, and what was rejected, as lines."""
    reasons = decision.reasons if isinstance(decision, Choice) else ()
    sections = {
        "Machine": list(_facts(machine)),
        "Choice": [decision.sentence],
        "Because": list(reasons),
        "Rejected": [f"{each.name}: {each.why}" for each in decision.rejected],
    }
    blocks = [
        "\n".join([title, *(f"  {line}" for line in lines)])
        for title, lines in sections.items()
        if lines
    ]
    return "\n\n".join(blocks) + "\n"


def as_record(machine: Machine, decision: Choice | Refusal) -> dict[str, Json]:
    """The same, for JSON; sizes in bytes. `choice` is null where nothing can be served."""
    return {
        "machine": _machine(machine),
        "choice": _choice(decision) if isinstance(decision, Choice) else None,
        "sentence": decision.sentence,
        "reasons": list(decision.reasons) if isinstance(decision, Choice) else [],
        "rejected": [{"name": each.name, "why": each.why} for each in decision.rejected],
    }


def _facts(machine: Machine) -> Iterator[str]:
    cpu, memory, storage = machine.cpu, machine.memory, machine.storage
    flags = f", with {' '.join(sorted(cpu.flags))}" if cpu.flags else ""
    yield (
        f"{machine.system} on {cpu.machine}: {cpu.model or 'a CPU without a name'},"
        f" {cpu.cores} of {counted(cpu.installed, 'core')}{flags}"
    )
    limit = ", limited by a cgroup" if memory.limited else ""
    yield f"memory: {gib(memory.free_bytes)} of {gib(memory.total_bytes)} free{limit}"
    for gpu in machine.gpus.found:
        yield _gpu_line(gpu)
    if machine.gpus.note:
        yield f"GPU: none, for {machine.gpus.note}"
    if machine.gpus.driver is not None:
        yield f"NVIDIA driver {machine.gpus.driver}"
    free = "not known" if storage.free_bytes is None else gib(storage.free_bytes)
    here = ", ".join(sorted(storage.complete)) or "none"
    yield f"models: {here}; free in {storage.directory}: {free}"
    engines = ", ".join(sorted(engine.value for engine in machine.engines)) or "none"
    yield f"engines: {engines}"


def _gpu_line(gpu: Gpu) -> str:
    slice_ = " (MIG slice)" if gpu.mig else ""
    return (
        f"GPU: {gpu.name}{slice_}, {gib(gpu.free_bytes)} of {gib(gpu.total_bytes)} free,"
        f" compute capability {gpu.capability[0]}.{gpu.capability[1]}"
    )


def _machine(machine: Machine) -> dict[str, Json]:
    cpu, memory, gpus, storage = machine.cpu, machine.memory, machine.gpus, machine.storage
    return {
        "system": machine.system,
        "cpu": {
            "model": cpu.model,
            "machine": cpu.machine,
            "flags": [*sorted(cpu.flags)],
            "cores": cpu.cores,
            "installed": cpu.installed,
        },
        "memory": {
            "totalBytes": memory.total_bytes,
            "freeBytes": memory.free_bytes,
            "limited": memory.limited,
        },
        "gpus": [
            {
                "name": gpu.name,
                "uuid": gpu.uuid,
                "computeCapability": f"{gpu.capability[0]}.{gpu.capability[1]}",
                "totalBytes": gpu.total_bytes,
                "freeBytes": gpu.free_bytes,
                "mig": gpu.mig,
            }
            for gpu in gpus.found
        ],
        "gpuNote": gpus.note,
        "driver": gpus.driver,
        "cuda": None if gpus.cuda is None else f"{gpus.cuda[0]}.{gpus.cuda[1]}",
        "storage": {
            "directory": storage.directory,
            "freeBytes": storage.free_bytes,
            "complete": [*sorted(storage.complete)],
        },
        "engines": [*sorted(engine.value for engine in machine.engines)],
    }


def _choice(choice: Choice) -> dict[str, Json]:
    return {
        "profile": choice.profile.value,
        "degraded": choice.degraded,
        "engine": choice.engine.value,
        "model": choice.weights.model.name,
        "weights": choice.weights.name,
        "present": choice.present,
        "quantisation": choice.weights.quantisation.value,
        "dtype": choice.dtype.value,
        "contextTokens": choice.context_tokens,
        "maxSequences": choice.max_sequences,
        "kvBytes": choice.kv_bytes,
        "threads": choice.threads,
        "gpus": list(choice.gpus),
        "tensorParallel": choice.tensor_parallel,
        "gpuMemoryShare": choice.gpu_memory_share,
    }
