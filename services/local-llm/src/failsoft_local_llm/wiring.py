"""Puts the service together."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit import service
from failsoft_kit.clock import Clock
from failsoft_kit.identity import Access
from failsoft_kit.rpc.access import access_table
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Listener, Service
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry import Telemetry
from failsoft_local_llm.adapters.model_directory import (
    read_adapter_rank,
    read_directory_facts,
)
from failsoft_local_llm.adapters.model_file import bundled_model, read_model_facts
from failsoft_local_llm.adapters.openvino.engine import OpenVinoOptions, start_openvino
from failsoft_local_llm.adapters.vllm.environment import traces_endpoint
from failsoft_local_llm.adapters.vllm.launch import start_vllm
from failsoft_local_llm.adapters.vllm.options import VllmOptions
from failsoft_local_llm.api.rpc import InferenceServicer
from failsoft_local_llm.app.answers import Answers
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.core.admission import Admission
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import StartEngine
from failsoft_local_llm.settings import SECTION, LocalLlmSettings
from failsoft_local_llm.telemetry import NAMES
from failsoft_local_llm.wire.template import BadTemplate, ChatTemplate
from failsoft_model.walk import Capability

SERVICE = "failsoft.inference.v1.InferenceService"

_NAME = "failsoft-local-llm"
_MIB = 1 << 20


async def run(config: Path | None) -> None:
    """Serve until a signal; see `failsoft_kit.service.run`."""
    await service.run(
        config,
        model=LocalLlmSettings,
        section=SECTION,
        name=_NAME,
        names=NAMES,
        build=build,
    )


def build(settings: LocalLlmSettings, *, clock: Clock, telemetry: Telemetry) -> Service:
    """The service that the settings describe.

    Raises:
        StartupError: the model or the token's file cannot be used, or the engine is missing.
    """
    model = _model(settings)
    template = _template(model)
    health = Health([SERVICE])
    host = EngineHost(
        model.start,
        template=template,
        clock=clock,
        start_seconds=settings.start,
        stall_seconds=settings.stall,
        on_change=partial(health.set, SERVICE),
    )
    answers = Answers(
        model=_served(settings, model),
        template=template,
        host=host,
        admission=Admission(places=settings.max_sequences + settings.waiting_places),
    )
    return Service(
        name=_NAME,
        listeners=[
            Listener(
                address=settings.address,
                setting=f"{SECTION}.address",
                register=partial(
                    pb_grpc.add_InferenceServiceServicer_to_server, InferenceServicer(answers)
                ),
                access=_access(),
                reflection=True,
                max_calls=settings.max_calls,
            )
        ],
        clock=clock,
        telemetry=telemetry,
        health=health,
        token=settings.service_token(),
        background=[host.run],
        drain_seconds=settings.drain,
    )


def _access() -> Mapping[str, Access]:
    return access_table(
        pb.DESCRIPTOR.services_by_name["InferenceService"],
        {
            "Generate": Access.TENANT,
            "StreamGenerate": Access.TENANT,
            "CountTokens": Access.TENANT,
            "ListModels": Access.TENANT,
        },
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
        model_file=file, max_sequences=settings.max_sequences, threads=settings.threads
    )
    return _Model(
        place=file,
        facts=facts,
        context_tokens=_context(settings, facts),
        capabilities=frozenset({Capability.CONTINUE}),
        start=lambda: start_openvino(options),
    )


def _vllm_model(settings: LocalLlmSettings) -> _Model:
    _check_installed("vllm", extra="vllm")
    directory = settings.model_directory
    if directory is None:
        raise StartupError(
            f"{SECTION}.model_directory (FAILSOFT_LOCAL_LLM_MODEL_DIRECTORY) must name the model"
            " that vLLM runs"
        )
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


def _adapter_rank(settings: LocalLlmSettings) -> int:
    if settings.model in settings.adapters:
        raise StartupError(
            f"{SECTION}.adapters has one of the model's own name, {settings.model!r}: rename it"
        )
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
        defaults=Defaults(
            temperature=settings.default_temperature,
            top_p=settings.default_top_p,
            max_tokens=settings.default_max_tokens,
            frequency_penalty=settings.default_frequency_penalty,
        ),
        adapters=tuple(sorted(settings.adapters)),
    )
