"""GPUs out of an NVML that answers as NVIDIA's does, errors included."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from failsoft_local_llm.adapters.hardware.nvml import Nvml, NvmlMemory, load_nvml, read_gpus

GIB = 1 << 30


class NvmlFailed(Exception):
    """NVML's own error."""


@dataclass
class Bytes:
    total: int
    free: int


@dataclass
class Device:
    """One GPU, or one slice."""

    name: str
    uuid: str
    gib: int = 24
    free: int = 20
    capability: tuple[int, int] = (8, 9)
    slices: "list[Device] | None" = None
    """None: this kind knows no slices."""
    broken: str = ""


@dataclass
class FakeNvml:
    """The part of the library that we use, over devices in memory."""

    devices: list[Device]
    driver: str = "580.65.06"
    refuses: str = ""
    open: int = field(default=0)

    NVMLError = NvmlFailed

    def nvmlInit(self) -> None:  # noqa: N802 - NVIDIA's names, here and below
        if self.refuses:
            raise NvmlFailed(self.refuses)
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return self.driver

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:  # noqa: N802
        return 13010

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:  # noqa: N802
        if self.devices[index].broken:
            raise NvmlFailed(self.devices[index].broken)
        return self.devices[index]

    def nvmlDeviceGetName(self, handle: object) -> str:  # noqa: N802
        return cast("Device", handle).name

    def nvmlDeviceGetUUID(self, handle: object) -> str:  # noqa: N802
        return cast("Device", handle).uuid

    def nvmlDeviceGetMemoryInfo(self, handle: object) -> NvmlMemory:  # noqa: N802
        device = cast("Device", handle)
        return Bytes(total=device.gib * GIB, free=device.free * GIB)

    def nvmlDeviceGetCudaComputeCapability(self, handle: object) -> tuple[int, int]:  # noqa: N802
        return cast("Device", handle).capability

    def nvmlDeviceGetMigMode(self, handle: object) -> tuple[int, int]:  # noqa: N802
        slices = cast("Device", handle).slices
        if slices is None:
            raise NvmlFailed("Not Supported")
        return (1, 1) if slices else (0, 0)

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: object) -> int:  # noqa: N802
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(  # noqa: N802
        self, device: object, index: int
    ) -> object:
        slices = cast("Device", device).slices or []
        if index >= len(slices):
            raise NvmlFailed("Not Found")
        return slices[index]


L4 = Device(name="NVIDIA L4", uuid="GPU-aaa")
OTHER = Device(name="NVIDIA L4", uuid="GPU-bbb")


def test_a_gpu_tells_its_name_memory_and_capability() -> None:
    nvml = FakeNvml([L4])

    gpus = read_gpus(nvml, visible=None)

    [gpu] = gpus.found
    assert (gpu.name, gpu.uuid, gpu.capability) == ("NVIDIA L4", "GPU-aaa", (8, 9))
    assert (gpu.total_bytes, gpu.free_bytes) == (24 * GIB, 20 * GIB)
    assert (gpus.driver, gpus.cuda) == ("580.65.06", (13, 1))
    assert gpus.note == ""


def test_the_library_is_left_as_it_was() -> None:
    nvml = FakeNvml([L4])

    read_gpus(nvml, visible=None)

    assert nvml.open == 0


def test_no_driver_is_no_gpu_and_says_why() -> None:
    without_driver = read_gpus(FakeNvml([], refuses="Driver Not Loaded"), visible=None)

    assert without_driver.found == ()
    assert "Driver Not Loaded" in without_driver.note


def test_a_broken_gpu_does_not_hide_the_others() -> None:
    broken = Device(name="", uuid="", broken="GPU is lost")

    assert [gpu.uuid for gpu in read_gpus(FakeNvml([broken, L4]), visible=None).found] == [
        "GPU-aaa"
    ]
    assert "GPU is lost" in read_gpus(FakeNvml([broken]), visible=None).note


def test_a_sliced_gpu_is_its_slices() -> None:
    parent = Device(
        name="NVIDIA A100",
        uuid="GPU-aaa",
        gib=80,
        capability=(8, 0),
        slices=[Device(name=f"A100 MIG {i}", uuid=f"MIG-{i}", gib=10, free=9) for i in range(2)],
    )

    found = read_gpus(FakeNvml([parent]), visible=None).found

    assert [(gpu.uuid, gpu.mig, gpu.total_bytes) for gpu in found] == [
        ("MIG-0", True, 10 * GIB),
        ("MIG-1", True, 10 * GIB),
    ]
    assert found[0].capability == (8, 0)


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        (None, ["GPU-aaa", "GPU-bbb"]),
        ("1", ["GPU-bbb"]),
        ("0,1", ["GPU-aaa", "GPU-bbb"]),
        ("GPU-bbb", ["GPU-bbb"]),
        ("GPU-b", ["GPU-bbb"]),
        ("", []),
        ("-1", []),
    ],
)
def test_cuda_visible_devices_says_which_are_ours(visible: str | None, found: list[str]) -> None:
    gpus = read_gpus(FakeNvml([L4, OTHER]), visible=visible)

    assert [gpu.uuid for gpu in gpus.found] == found


def test_hidden_gpus_are_named_as_the_reason() -> None:
    assert "CUDA_VISIBLE_DEVICES" in read_gpus(FakeNvml([L4]), visible="").note


def test_nvidias_module_has_what_we_call() -> None:
    """The fake above is only as good as its likeness."""
    nvml = load_nvml()

    called = [name for name in vars(Nvml) if name.startswith("nvml")]

    assert called
    assert [name for name in called if not hasattr(nvml, name)] == []
