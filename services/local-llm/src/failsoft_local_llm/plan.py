"""How one model is to be run: what settings and profiles both come to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from failsoft_kit.logs import LogSettings
from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.model_file import bundled_model
from failsoft_local_llm.adapters.store.opened import open_stored
from failsoft_local_llm.core.catalogue import Catalogue
from failsoft_local_llm.core.known_models import DEFAULT
from failsoft_local_llm.core.profile.budget import bytes_per_token
from failsoft_local_llm.core.profile.choice import Choice, Profile
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.settings import SECTION, LocalLlmSettings

USUAL_SEQUENCES = 8
"""Of a model that was configured, where the operator has not said how many."""
_MIB = 1 << 20
_PROFILES = {EngineKind.VLLM: Profile.PRIMARY, EngineKind.OPENVINO: Profile.MINIMAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One model, and how its engine is to run it."""

    name: str
    """What callers ask for."""
    profile: Profile
    """PRIMARY or MINIMAL."""
    engine: EngineKind
    place: Callable[[], Path]
    """Finds its directory, or its GGUF file. Raises StartupError: it is not there."""
    max_sequences: int
    context_tokens: int | None = None
    """At most what the model was trained for; None: that."""
    threads: int | None = None
    """None: as many as the engine likes."""
    kv_cache_bytes: int | None = None
    """vLLM's, on each GPU; None: as vLLM likes."""
    kv_cache_tokens: int | None = None
    """OpenVINO's; None: as much as is asked for."""
    dtype: str = "auto"
    """What vLLM calculates in; `auto`: as the weights are."""
    gpus: tuple[str, ...] = ()
    """UUIDs; empty: the first, or the CPU."""
    gpu_memory_share: float | None = None
    """None: as vLLM likes."""
    adapters: Mapping[str, Path] = field(default_factory=dict)
    """LoRA adapters by name; empty unless the engine is vLLM."""
    tool_parser: str | None = None
    """vLLM's name of it; None: no tools are called."""
    log: LogSettings = field(default_factory=LogSettings)
    """What vLLM's processes log, and how."""
    why: str = ""
    """Why this and no other, for people; empty: it was configured so."""


def configured_plan(settings: LocalLlmSettings, engine: EngineKind) -> Plan:
    """The model that the settings name by its files.

    Raises:
        StartupError: they do not name them.
    """
    vllm = engine is EngineKind.VLLM
    kv_cache_mib = settings.kv_cache_mib
    return Plan(
        name=settings.model or DEFAULT,
        profile=_PROFILES[engine],
        engine=engine,
        place=_directory(settings) if vllm else lambda: settings.model_file or bundled_model(),
        max_sequences=settings.max_sequences or USUAL_SEQUENCES,
        context_tokens=settings.context_tokens,
        threads=settings.threads,
        kv_cache_bytes=None if kv_cache_mib is None else kv_cache_mib * _MIB,
        adapters=settings.adapters if vllm else {},
        tool_parser=settings.tool_parser if vllm else None,
        log=settings.log,
    )


def chosen_plan(settings: LocalLlmSettings, choice: Choice, catalogue: Catalogue) -> Plan:
    """The model that was chosen for this machine."""
    vllm = choice.engine is EngineKind.VLLM
    weights, directory = choice.weights, settings.models_directory.expanduser()
    model, kv_cache_mib = weights.model, settings.kv_cache_mib
    return Plan(
        name=settings.model or model.name,
        profile=choice.profile,
        engine=choice.engine,
        place=lambda: open_stored(catalogue, weights.name, directory).path,
        max_sequences=choice.max_sequences,
        context_tokens=choice.context_tokens,
        threads=choice.threads,
        kv_cache_bytes=choice.kv_bytes if kv_cache_mib is None else kv_cache_mib * _MIB,
        kv_cache_tokens=choice.kv_bytes // bytes_per_token(model.architecture),
        dtype=choice.dtype.value,
        gpus=choice.gpus,
        gpu_memory_share=choice.gpu_memory_share,
        adapters=settings.adapters if vllm else {},
        tool_parser=(settings.tool_parser or model.tool_parser) if vllm else None,
        log=settings.log,
        why=choice.sentence,
    )


def _directory(settings: LocalLlmSettings) -> Callable[[], Path]:
    directory = settings.model_directory
    if directory is None:
        raise StartupError(
            f"{SECTION}.model_directory (FAILSOFT_LOCAL_LLM_MODEL_DIRECTORY) must name the model"
            " that vLLM runs"
        )
    return lambda: directory
