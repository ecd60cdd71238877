"""Puts the service together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from prometheus_client.registry import Collector

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit import service
from failsoft_kit.clock import Clock
from failsoft_kit.identity import Access
from failsoft_kit.rpc.access import access_table
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Listener, Service
from failsoft_kit.telemetry import Telemetry
from failsoft_local_llm.adapters.vllm.metrics import VllmMetrics
from failsoft_local_llm.api.rpc import InferenceServicer
from failsoft_local_llm.app.answers import Answers
from failsoft_local_llm.app.entrance import Entrance
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.app.life import Patience, Serving
from failsoft_local_llm.app.succession import Habits
from failsoft_local_llm.candidates import candidates, decider, defaults
from failsoft_local_llm.core.admission.door import Limits
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.plan import USUAL_SEQUENCES
from failsoft_local_llm.settings import SECTION, LocalLlmSettings
from failsoft_local_llm.telemetry import NAMES

SERVICE = "failsoft.inference.v1.InferenceService"
READINESS = "readiness"
"""Another name for the same, in the words of probes."""
STARTUP = "startup"
"""Whether it has served yet; stays well when its engine dies."""

_NAME = "failsoft-local-llm"


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
    health = Health([SERVICE, READINESS, STARTUP])
    before_it_serves = _limits(
        settings, requests=settings.max_sequences or USUAL_SEQUENCES, context_tokens=0
    )
    meter, tracer = telemetry.meter, telemetry.tracer
    entrance = Entrance(before_it_serves, clock=clock, meter=meter, tracer=tracer)
    host = EngineHost(
        candidates(settings, decide=decider(settings)),
        clock=clock,
        patience=Patience(
            start=settings.start, stall=settings.stall, warm_up_tokens=settings.warm_up_tokens
        ),
        habits=Habits(retry=settings.fallback_retry, unload=settings.unload),
        on_change=partial(_tell, health),
        on_serving=partial(_make_room, settings, entrance),
        meter=meter,
    )
    answers = Answers(
        host=host,
        entrance=entrance,
        defaults=defaults(settings),
        clock=clock,
        meter=meter,
        tracer=tracer,
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
                tls=settings.server_tls(),
            ),
            *settings.health_listeners(section=SECTION),
        ],
        clock=clock,
        telemetry=telemetry,
        health=health,
        token=settings.service_token(),
        background=[host.run],
        on_hangup=host.try_better,
        drain_seconds=settings.drain,
        collectors=_collectors(host),
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


def _collectors(host: EngineHost) -> Sequence[Collector]:
    """What engines count by themselves."""
    vllm = EngineKind.VLLM.value
    if all(each.engine != vllm for each in host.candidates):
        return ()

    def answers() -> bool:
        now = host.answering
        return now is not None and now[0].engine == vllm

    return (VllmMetrics(answers),)


def _tell(health: Health, *, serving: bool, why: str) -> None:
    """What the host says, by every name that somebody asks for."""
    for name in (SERVICE, READINESS):
        health.set(name, serving=serving, why=why)
    if serving:
        health.set(STARTUP, serving=True, why="the model was loaded once")


def _make_room(settings: LocalLlmSettings, entrance: Entrance, serving: Serving) -> None:
    """As much as the model has that serves now."""
    opened, tokens = serving.opened, serving.engine.load().capacity_tokens or None
    limits = _limits(
        settings, requests=opened.max_sequences, context_tokens=opened.model.context_tokens
    )
    entrance.set_limits(replace(limits, tokens=tokens))


def _limits(settings: LocalLlmSettings, *, requests: int, context_tokens: int) -> Limits:
    return Limits(
        requests=requests,
        tokens=None,
        waiting=settings.waiting_places(max_sequences=requests),
        waiting_tokens=settings.waiting_tokens(
            max_sequences=requests, context_tokens=context_tokens
        ),
    )
