"""The models that may be served, best first, as the settings name them."""

import asyncio
import importlib.util
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.model_directory import read_adapter_rank, read_directory_facts
from failsoft_local_llm.adapters.model_file import bundled_model, read_model_facts
from failsoft_local_llm.adapters.openvino.engine import OpenVinoOptions, start_openvino
from failsoft_local_llm.adapters.vllm.environment import traces_endpoint
from failsoft_local_llm.adapters.vllm.launch import start_vllm
from failsoft_local_llm.adapters.vllm.options import VllmOptions
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.core.profile.choice import Profile
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import Candidate, EngineDied, Opened, StartEngine
from failsoft_local_llm.settings import SECTION, LocalLlmSettings
from failsoft_local_llm.wire.template import BadTemplate, ChatTemplate
from failsoft_model.walk import Capability

_log: FilteringBoundLogger = structlog.get_logger()

FALLBACK_MODEL = "smollm2-135m-instruct"
"""What replies call the small model when it stands in for another."""

_MIB = 1 << 20
_FALLBACK_SEQUENCES = 8
_PROFILES = {EngineKind.VLLM: Profile.PRIMARY, EngineKind.OPENVINO: Profile.MINIMAL}


def candidates(settings: LocalLlmSettings) -> Sequence[Candidate]:
    """The model that is configured, and the one that is served when that cannot be had.

    Raises:
        StartupError: the settings cannot be meant; or the files of the configured model cannot
            be used, and there is nothing else to serve.
    """
    if settings.engine is EngineKind.OPENVINO:
        return [_opened_now(settings)]
    _check_vllm(settings)
    fallback = _fallback(settings)
    return [_opened_now(settings)] if fallback is None else [_opened_late(settings), fallback]


def _fallback(settings: LocalLlmSettings) -> Candidate | None:
    """The small model; None: it is not wanted, or cannot be served itself."""
    if not settings.fallback:
        return None
    try:
        return _opened_now(_as_fallback(settings))
    except StartupError as refusal:
        _log.warning("fallback.missing", why=str(refusal))
        return None


def _as_fallback(settings: LocalLlmSettings) -> LocalLlmSettings:
    """The small model in the place of the big one."""
    small = {
        "engine": EngineKind.OPENVINO,
        "model": FALLBACK_MODEL,
        "adapters": {},
        "tool_parser": None,
        "max_sequences": min(settings.max_sequences, _FALLBACK_SEQUENCES),
    }
    return settings.model_copy(update=small)


def _opened_now(settings: LocalLlmSettings) -> Candidate:
    opened = _opened(settings)

    async def same() -> Opened:
        return opened

    return replace(_candidate(settings, same), known=opened.model)


def _opened_late(settings: LocalLlmSettings) -> Candidate:
    async def read() -> Opened:
        try:
            return await asyncio.to_thread(_opened, settings)
        except StartupError as refusal:
            raise EngineDied(str(refusal)) from refusal

    return _candidate(settings, read)


def _candidate(
    settings: LocalLlmSettings, open_model: Callable[[], Awaitable[Opened]]
) -> Candidate:
    return Candidate(
        name=settings.model,
        adapters=tuple(sorted(settings.adapters)),
        profile=_PROFILES[settings.engine].value,
        engine=settings.engine.value,
        open=open_model,
    )


def _opened(settings: LocalLlmSettings) -> Opened:
    """Raises StartupError: its files cannot be used."""
    model = _model(settings)
    return Opened(
        model=_served(settings, model),
        template=_template(model),
        start=model.start,
        max_sequences=settings.max_sequences,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """The model that the settings name, and what runs it."""

    place: Path
    facts: ModelFacts
    context_tokens: int
    capabilities: frozenset[Capability]
    start: StartEngine


def _model(settings: LocalLlmSettings) -> _Model:
    match settings.engine:
        case EngineKind.OPENVINO:
            return _openvino_model(settings)
        case EngineKind.VLLM:
            return _vllm_model(settings)


def _openvino_model(settings: LocalLlmSettings) -> _Model:
    _check_installed("openvino_genai", extra="openvino")
    file = settings.model_file or bundled_model()
    facts = read_model_facts(file)
    options = OpenVinoOptions(
        model_file=file,
        max_sequences=settings.max_sequences,
        kv_cache_tokens=None,
        threads=settings.threads,
    )
    return _Model(
        place=file,
        facts=facts,
        context_tokens=_context(settings, facts),
        capabilities=frozenset({Capability.CONTINUE, Capability.JSON_SCHEMA}),
        start=lambda: start_openvino(options),
    )


def _vllm_model(settings: LocalLlmSettings) -> _Model:
    directory = _check_vllm(settings)
    facts = read_directory_facts(directory)
    options = VllmOptions(
        model_directory=directory,
        max_sequences=settings.max_sequences,
        context_tokens=_context(settings, facts),
        kv_cache_bytes=None if settings.kv_cache_mib is None else settings.kv_cache_mib * _MIB,
        threads=settings.threads,
        adapters=settings.adapters,
        adapter_rank=_adapter_rank(settings),
        tool_parser=settings.tool_parser,
        traces_endpoint=traces_endpoint(os.environ),
    )
    skills = {Capability.CONTINUE, Capability.JSON_SCHEMA}
    if settings.tool_parser is not None:
        skills.add(Capability.TOOLS)
    return _Model(
        place=directory,
        facts=facts,
        context_tokens=options.context_tokens,
        capabilities=frozenset(skills),
        start=lambda: start_vllm(options),
    )


def _check_vllm(settings: LocalLlmSettings) -> Path:
    """The model's directory, if all is configured that vLLM needs."""
    _check_installed("vllm", extra="vllm")
    if settings.model in settings.adapters:
        raise StartupError(
            f"{SECTION}.adapters has one of the model's own name, {settings.model!r}: rename it"
        )
    if settings.model_directory is None:
        raise StartupError(
            f"{SECTION}.model_directory (FAILSOFT_LOCAL_LLM_MODEL_DIRECTORY) must name the model"
            " that vLLM runs"
        )
    return settings.model_directory


def _adapter_rank(settings: LocalLlmSettings) -> int:
    ranks = (read_adapter_rank(name, path) for name, path in settings.adapters.items())
    return max(ranks, default=1)


def _check_installed(package: str, *, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise StartupError(f"{package} is not installed: install failsoft-local-llm[{extra}]")


def _context(settings: LocalLlmSettings, facts: ModelFacts) -> int:
    return min(settings.context_tokens or facts.context_tokens, facts.context_tokens)


def _template(model: _Model) -> ChatTemplate:
    try:
        template = ChatTemplate(model.facts)
    except BadTemplate as error:
        raise StartupError(f"the model {str(model.place)!r} cannot be used: {error}") from error
    if Capability.TOOLS in model.capabilities and not template.takes_tools:
        raise StartupError(
            f"{SECTION}.tool_parser is set, and the chat template of {str(model.place)!r} tells the"
            " model of no tools: unset it"
        )
    return template


def _served(settings: LocalLlmSettings, model: _Model) -> ServedModel:
    return ServedModel(
        name=settings.model,
        context_tokens=model.context_tokens,
        capabilities=model.capabilities,
        defaults=defaults(settings),
        adapters=tuple(sorted(settings.adapters)),
    )


def defaults(settings: LocalLlmSettings) -> Defaults:
    return Defaults(
        temperature=settings.default_temperature,
        top_p=settings.default_top_p,
        max_tokens=settings.default_max_tokens,
        frequency_penalty=settings.default_frequency_penalty,
    )
