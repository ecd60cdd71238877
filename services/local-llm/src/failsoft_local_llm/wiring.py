"""Puts the service together."""

import importlib.util
from collections.abc import Mapping
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
from failsoft_local_llm.adapters.model_file import bundled_model, read_model_facts
from failsoft_local_llm.adapters.openvino.engine import OpenVinoOptions, start_openvino
from failsoft_local_llm.api.rpc import InferenceServicer
from failsoft_local_llm.app.answers import Answers
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.core.admission import Admission
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import StartEngine
from failsoft_local_llm.settings import SECTION, LocalLlmSettings
from failsoft_local_llm.telemetry import NAMES
from failsoft_local_llm.wire.template import BadTemplate, ChatTemplate
from failsoft_model.walk import Capability

SERVICE = "failsoft.inference.v1.InferenceService"

_NAME = "failsoft-local-llm"
_ENGINE = "openvino_genai"


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
    file = settings.model_file or bundled_model()
    facts = read_model_facts(file)
    template = _template(file, facts)
    health = Health([SERVICE])
    host = EngineHost(
        _starter(settings, file),
        template=template,
        clock=clock,
        start_seconds=settings.start,
        stall_seconds=settings.stall,
        on_change=partial(health.set, SERVICE),
    )
    answers = Answers(
        model=_served(settings, facts),
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


def _template(file: Path, facts: ModelFacts) -> ChatTemplate:
    try:
        return ChatTemplate(facts)
    except BadTemplate as error:
        raise StartupError(f"the model file {str(file)!r} cannot be used: {error}") from error


def _starter(settings: LocalLlmSettings, file: Path) -> StartEngine:
    if importlib.util.find_spec(_ENGINE) is None:
        raise StartupError("OpenVINO GenAI is not installed: install failsoft-local-llm[openvino]")
    options = OpenVinoOptions(
        model_file=file, max_sequences=settings.max_sequences, threads=settings.threads
    )
    return lambda: start_openvino(options)


def _served(settings: LocalLlmSettings, facts: ModelFacts) -> ServedModel:
    wanted = settings.context_tokens or facts.context_tokens
    return ServedModel(
        name=settings.model,
        context_tokens=min(wanted, facts.context_tokens),
        capabilities=frozenset({Capability.CONTINUE}),
        defaults=Defaults(
            temperature=settings.default_temperature,
            top_p=settings.default_top_p,
            max_tokens=settings.default_max_tokens,
            frequency_penalty=settings.default_frequency_penalty,
        ),
    )
