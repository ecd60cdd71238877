"""The models that may be served, best first: those that the settings name, or that fit the machine.

With a profile the machine is looked at anew before each start of what was asked for: memory may
have come free, or a model may have been fetched, since it was last tried.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.startup import StartupError
from failsoft_local_llm import decision
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.known_models import DEFAULT
from failsoft_local_llm.core.profile.choice import Choice, Profile, Refusal, Wish
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.decision import known_models
from failsoft_local_llm.opening import check_plan, open_plan
from failsoft_local_llm.plan import USUAL_SEQUENCES, Plan, chosen_plan, configured_plan
from failsoft_local_llm.ports import Candidate, EngineDied, Opened
from failsoft_local_llm.settings import LocalLlmSettings

_log: FilteringBoundLogger = structlog.get_logger()

Decide = Callable[[Wish], Choice | Refusal]
"""What the machine should run, as it is now."""
_Look = Callable[[], Plan]
_Open = Callable[[], Awaitable[Opened]]


def candidates(settings: LocalLlmSettings, *, decide: Decide) -> Sequence[Candidate]:
    """What is served, and what instead while that cannot be had.

    Args:
        decide: Asked only where the settings leave it to a profile.

    Raises:
        StartupError: the settings cannot be meant; or the model cannot be used, and there is
            nothing else to serve.
    """
    engine = settings.named_engine
    return _chosen(settings, decide) if engine is None else _configured(settings, engine)


def decider(settings: LocalLlmSettings) -> Decide:
    """Looks at this machine, and at the models that are on it."""

    def decided(wish: Wish) -> Choice | Refusal:
        _, choice = decision.decide(
            wish, directory=settings.models_directory, catalogue_file=settings.catalogue_file
        )
        return choice

    return decided


def defaults(settings: LocalLlmSettings) -> Defaults:
    """What holds for requests that say nothing else."""
    return Defaults(
        temperature=settings.default_temperature,
        top_p=settings.default_top_p,
        max_tokens=settings.default_max_tokens,
        frequency_penalty=settings.default_frequency_penalty,
    )


def _configured(settings: LocalLlmSettings, engine: EngineKind) -> Sequence[Candidate]:
    """The model whose files are named; that for vLLM has the small one behind it."""
    plan = configured_plan(settings, engine)
    if engine is EngineKind.OPENVINO:
        return [_opened_now(plan, settings)]
    check_plan(plan)
    small = configured_plan(settings, EngineKind.OPENVINO)
    sequences = min(small.max_sequences, USUAL_SEQUENCES)
    fallback = _fallback(replace(small, name=DEFAULT, max_sequences=sequences), settings)
    return [_late(plan, settings), *fallback] if fallback else [_opened_now(plan, settings)]


def _chosen(settings: LocalLlmSettings, decide: Decide) -> Sequence[Candidate]:
    """The model that fits the machine; behind anything but the small one, the small one."""
    wish = _wish(settings)
    choice = _decided(decide, wish)
    _log.info("profile.chosen", why=choice.sentence)
    plan = _plan(choice, settings)
    if choice.profile is Profile.MINIMAL and not choice.degraded:
        return [_opened_now(plan, settings)]
    if choice.degraded:
        missed = replace(
            plan,
            name=settings.model or wish.model or plan.name,
            profile=Profile.PRIMARY,
            engine=EngineKind.VLLM,
            adapters=settings.adapters,
            why="",
        )
        return [_asked_for(missed, settings, decide, wish), *_small(choice, settings)]
    # Who asks for its name means these weights, also when they are loaded again.
    wish = replace(wish, model=choice.weights.name)
    try:
        small = _decided(decide, Wish(profile=Profile.MINIMAL, threads=settings.threads))
    except StartupError as refusal:
        _log.warning("fallback.missing", why=str(refusal))
        return [_asked_for(plan, settings, decide, wish)]
    return [_asked_for(plan, settings, decide, wish), *_small(small, settings)]


def _small(choice: Choice, settings: LocalLlmSettings) -> Sequence[Candidate]:
    """The small model under its own name."""
    plan = _plan(choice, settings)
    return _fallback(replace(plan, name=choice.weights.model.name), settings)


def _fallback(plan: Plan, settings: LocalLlmSettings) -> Sequence[Candidate]:
    """The model that stands in; none where it is not wanted, or cannot be served itself."""
    if not settings.fallback:
        return []
    try:
        return [_opened_now(plan, settings)]
    except StartupError as refusal:
        _log.warning("fallback.missing", why=str(refusal))
        return []


def _wish(settings: LocalLlmSettings) -> Wish:
    return Wish(
        profile=settings.profile,
        model=settings.wanted_model,
        context_tokens=settings.context_tokens,
        max_sequences=settings.max_sequences,
        threads=settings.threads,
    )


def _decided(decide: Decide, wish: Wish) -> Choice:
    """Raises StartupError: there is nothing that the machine can run."""
    choice = decide(wish)
    if isinstance(choice, Refusal):
        raise StartupError(choice.sentence)
    return choice


def _plan(choice: Choice, settings: LocalLlmSettings) -> Plan:
    return chosen_plan(settings, choice, known_models(settings.catalogue_file))


def _opened_now(plan: Plan, settings: LocalLlmSettings) -> Candidate:
    """Raises StartupError: it cannot be used."""
    opened = open_plan(plan, defaults=defaults(settings))

    async def same() -> Opened:
        return opened

    return replace(_candidate(plan, same), known=opened.model)


def _late(plan: Plan, settings: LocalLlmSettings, look: _Look | None = None) -> Candidate:
    """A model that need not be there yet.

    Args:
        look: How it is to be run as the machine is now; None: as planned.
    """

    def read() -> Opened:
        return open_plan(plan if look is None else look(), defaults=defaults(settings))

    async def opened() -> Opened:
        try:
            return await asyncio.to_thread(read)
        except StartupError as refusal:
            raise EngineDied(str(refusal)) from refusal

    return _candidate(plan, opened)


def _asked_for(plan: Plan, settings: LocalLlmSettings, decide: Decide, wish: Wish) -> Candidate:
    """What was asked for, by a wish that the machine has to meet each time it is loaded."""

    def look() -> Plan:
        choice = _decided(decide, wish)
        if choice.degraded:
            raise StartupError("; ".join(f"{each.name}: {each.why}" for each in choice.rejected))
        return replace(_plan(choice, settings), name=plan.name)

    return _late(plan, settings, look)


def _candidate(plan: Plan, open_model: _Open) -> Candidate:
    return Candidate(
        name=plan.name,
        adapters=tuple(sorted(plan.adapters)),
        profile=plan.profile.value,
        engine=plan.engine.value,
        why=plan.why,
        open=open_model,
    )
