"""NVIDIA GPUs, by the driver's own library.

NVML tells of every GPU of the machine; CUDA_VISIBLE_DEVICES says which of them are ours.
"""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

from failsoft_local_llm.core.profile.facts import Gpu, Gpus

_MODULE = "pynvml"


class NvmlMemory(Protocol):
    """Bytes of one GPU."""

    total: int
    free: int


class Nvml(Protocol):
    """What we use of `pynvml`, which is untyped. A handle is opaque."""

    @property
    def NVMLError(self) -> type[Exception]: ...  # noqa: N802 - NVIDIA's names, here and below
    def nvmlInit(self) -> None: ...  # noqa: N802
    def nvmlShutdown(self) -> None: ...  # noqa: N802
    def nvmlSystemGetDriverVersion(self) -> str: ...  # noqa: N802
    def nvmlSystemGetCudaDriverVersion_v2(self) -> int: ...  # noqa: N802
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802
    def nvmlDeviceGetHandleByIndex(self, index: int) -> object: ...  # noqa: N802
    def nvmlDeviceGetName(self, handle: object) -> str: ...  # noqa: N802
    def nvmlDeviceGetUUID(self, handle: object) -> str: ...  # noqa: N802
    def nvmlDeviceGetMemoryInfo(self, handle: object) -> NvmlMemory: ...  # noqa: N802
    def nvmlDeviceGetCudaComputeCapability(self, handle: object) -> Sequence[int]: ...  # noqa: N802
    def nvmlDeviceGetMigMode(self, handle: object) -> Sequence[int]: ...  # noqa: N802
    def nvmlDeviceGetMaxMigDeviceCount(self, handle: object) -> int: ...  # noqa: N802
    def nvmlDeviceGetMigDeviceHandleByIndex(  # noqa: N802
        self, device: object, index: int
    ) -> object: ...


def load_nvml() -> Nvml:
    """NVIDIA's module, which needs neither driver nor GPU to be imported."""
    module: Any = importlib.import_module(_MODULE)
    return cast("Nvml", module)


def read_gpus(nvml: Nvml, *, visible: str | None) -> Gpus:
    """Every GPU that this process may use; a MIG slice counts as one.

    Args:
        visible: CUDA_VISIBLE_DEVICES; None: it is not set. Numbers are taken in the order of the
            bus, which is CUDA's own only with CUDA_DEVICE_ORDER=PCI_BUS_ID; UUIDs are exact.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return Gpus(note=f"NVML says: {error}")
    try:
        return _read(nvml, visible)
    except nvml.NVMLError as error:
        return Gpus(note=f"NVML says: {error}")
    finally:
        nvml.nvmlShutdown()


def _read(nvml: Nvml, visible: str | None) -> Gpus:
    found: list[Gpu] = []
    notes: list[str] = []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            device = nvml.nvmlDeviceGetUUID(handle)
            gpus = list(_devices(nvml, handle))
        except nvml.NVMLError as error:  # one broken GPU must not hide the others
            notes.append(f"GPU {index}: {error}")
            continue
        found += [gpu for gpu in gpus if _is_visible(visible, index, device, gpu.uuid)]
    if not found and not notes:
        notes.append(
            "the driver knows none" if visible is None else "CUDA_VISIBLE_DEVICES hides all"
        )
    version = nvml.nvmlSystemGetCudaDriverVersion_v2()
    return Gpus(
        found=tuple(found),
        note="" if found else "; ".join(notes),
        driver=nvml.nvmlSystemGetDriverVersion(),
        cuda=(version // 1000, version % 1000 // 10),
    )


def _devices(nvml: Nvml, handle: object) -> Iterator[Gpu]:
    """The GPU itself, or its slices: a GPU that is sliced cannot be used as a whole."""
    capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
    if not _is_sliced(nvml, handle):
        yield _gpu(nvml, handle, (capability[0], capability[1]), mig=False)
        return
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            slice_ = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except nvml.NVMLError:  # no slice has that number
            continue
        yield _gpu(nvml, slice_, (capability[0], capability[1]), mig=True)


def _is_sliced(nvml: Nvml, handle: object) -> bool:
    try:
        return nvml.nvmlDeviceGetMigMode(handle)[0] == 1
    except nvml.NVMLError:  # this kind of GPU knows no slices
        return False


def _gpu(nvml: Nvml, handle: object, capability: tuple[int, int], *, mig: bool) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        name=nvml.nvmlDeviceGetName(handle),
        uuid=nvml.nvmlDeviceGetUUID(handle),
        capability=capability,
        total_bytes=memory.total,
        free_bytes=memory.free,
        mig=mig,
    )


def _is_visible(visible: str | None, index: int, device: str, uuid: str) -> bool:
    """Whether the variable names it, by the number or UUID of the GPU or by the slice's UUID."""
    if visible is None:
        return True
    names = [name.strip() for name in visible.split(",")]
    return str(index) in names or any(
        name and (device.startswith(name) or uuid.startswith(name)) for name in names
    )
