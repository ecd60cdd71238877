"""What vLLM reads from the environment; it and its processes look once, when they are imported."""

import importlib.metadata
import logging
from collections.abc import Mapping, Sequence

_PREFIX = "OTEL_EXPORTER_OTLP_"
SERVICE = "failsoft-local-llm"
"""What its spans and logs call it."""

_ALWAYS = {
    # Nothing is fetched at run time and nothing is reported to anybody.
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    # A fork would take gRPC's threads and locks along.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    # Only ours: others may load code and adapters that nobody has configured.
    "VLLM_PLUGINS": "failsoft",
    # Its lines go where those of all libraries go.
    "VLLM_CONFIGURE_LOGGING": "0",
}
_ON_CPU = {
    # Compiling takes a minute and makes nothing faster there.
    "TORCH_COMPILE_DISABLE": "1",
    # It would bind every process to the same core where there are few.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
_LEVEL = "VLLM_LOGGING_LEVEL"
_DEFAULTS = {
    _LEVEL: "ERROR",
    # torch has no way to make events of its warnings.
    "TORCH_LOGS": "-all",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "OTEL_SERVICE_NAME": SERVICE,
}


def is_cpu_build() -> bool:
    """Whether the installed vLLM is the one for CPUs, which never sees a GPU."""
    try:
        importlib.metadata.distribution("vllm-cpu")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def variables(
    environ: Mapping[str, str],
    *,
    cpu: bool,
    threads: int | None,
    cores: int,
    gpus: Sequence[str],
) -> dict[str, str]:
    """What has to be set before vLLM is imported.

    Args:
        environ: What is set already; the operator's word on logs and names counts.
        cpu: Whether vLLM is the build for CPUs.
        threads: Of the model on a CPU; None: one for each core but one. vLLM's scheduler waits for
            the model in a busy loop, and threads that share its core wait for each other: two on
            two cores were 14 times slower than one.
        cores: That this process may keep busy.
        gpus: UUIDs of those to use; empty: all that there are.
    """
    wanted = dict(_ALWAYS)
    wanted |= {name: value for name, value in _DEFAULTS.items() if not environ.get(name)}
    if cpu:
        wanted |= _ON_CPU
        wanted["OMP_NUM_THREADS"] = str(threads or max(1, cores - 1))
    elif gpus:
        wanted["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    if protocol := environ.get(f"{_PREFIX}PROTOCOL"):
        wanted[f"{_PREFIX}TRACES_PROTOCOL"] = protocol
    return wanted


def log_level(environ: Mapping[str, str]) -> int:
    """From which severity on vLLM's lines are logged; errors only where that is no word of it."""
    return logging.getLevelNamesMapping().get(environ.get(_LEVEL, "").upper(), logging.ERROR)


def traces_endpoint(environ: Mapping[str, str]) -> str | None:
    """Where vLLM sends its spans: where ours go. None: nowhere.

    The variables are those of `failsoft_kit.telemetry.setup`.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if traces := environ.get(f"{_PREFIX}TRACES_ENDPOINT"):
        return traces
    endpoint = environ.get(f"{_PREFIX}ENDPOINT")
    if endpoint and environ.get(f"{_PREFIX}PROTOCOL") == "http/protobuf":
        return endpoint.rstrip("/") + "/v1/traces"
    return endpoint or None
