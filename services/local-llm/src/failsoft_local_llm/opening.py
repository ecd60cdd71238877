"""Reads a model's files, and prepares its engine."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.model_directory import read_adapter_rank, read_directory_facts
from failsoft_local_llm.adapters.model_file import read_model_facts
from failsoft_local_llm.adapters.openvino.engine import OpenVinoOptions, start_openvino
from failsoft_local_llm.adapters.vllm.environment import traces_endpoint
from failsoft_local_llm.adapters.vllm.launch import start_vllm
from failsoft_local_llm.adapters.vllm.options import VllmOptions
from failsoft_local_llm.core.decoding import Defaults
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.plan import Plan
from failsoft_local_llm.ports import Opened, StartEngine
from failsoft_local_llm.settings import SECTION
from failsoft_local_llm.wire.template import BadTemplate, ChatTemplate
from failsoft_model.walk import Capability

_PACKAGES = {EngineKind.VLLM: "vllm", EngineKind.OPENVINO: "openvino_genai"}
_OPENVINO_CAN = frozenset(
    {
        Capability.CONTINUE,
        Capability.JSON_SCHEMA,
        Capability.REGEX,
        Capability.CHOICE,
        Capability.LOGPROBS,
    }
)
_CAN = {
    EngineKind.OPENVINO: _OPENVINO_CAN,
    EngineKind.VLLM: _OPENVINO_CAN | {Capability.TOP_LOGPROBS, Capability.LOGIT_BIAS},
}
"""What each engine does with any model; tools are a matter of the model's parser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """A model whose files were read, and what runs it."""

    place: Path
    facts: ModelFacts
    context_tokens: int
    start: StartEngine


def check_plan(plan: Plan) -> None:
    """Looks for what no other model can make good.

    Raises:
        StartupError: the engine is not installed, or the settings cannot be meant.
    """
    if importlib.util.find_spec(_PACKAGES[plan.engine]) is None:
        extra = plan.engine.value
        raise StartupError(
            f"{_PACKAGES[plan.engine]} is not installed: install failsoft-local-llm[{extra}]"
        )
    if plan.name in plan.adapters:
        raise StartupError(
            f"{SECTION}.adapters has one of the model's own name, {plan.name!r}: rename it"
        )


def open_plan(plan: Plan, *, defaults: Defaults) -> Opened:
    """What the plan says, ready to be loaded.

    Raises:
        StartupError: `check_plan` raises it, or the files cannot be used.
    """
    check_plan(plan)
    model = _vllm_model(plan) if plan.engine is EngineKind.VLLM else _openvino_model(plan)
    engine_can = _CAN[plan.engine]
    skills = engine_can if plan.tool_parser is None else engine_can | {Capability.TOOLS}
    return Opened(
        model=ServedModel(
            name=plan.name,
            context_tokens=model.context_tokens,
            capabilities=skills,
            defaults=defaults,
            adapters=tuple(sorted(plan.adapters)),
        ),
        template=_template(model, tools=plan.tool_parser is not None),
        start=model.start,
        max_sequences=plan.max_sequences,
    )


def _openvino_model(plan: Plan) -> _Model:
    file = plan.place()
    facts = read_model_facts(file)
    options = OpenVinoOptions(
        model_file=file,
        max_sequences=plan.max_sequences,
        kv_cache_tokens=plan.kv_cache_tokens,
        threads=plan.threads,
    )
    return _Model(
        place=file,
        facts=facts,
        context_tokens=_context(plan, facts),
        start=lambda: start_openvino(options),
    )


def _vllm_model(plan: Plan) -> _Model:
    directory = plan.place()
    facts = read_directory_facts(directory)
    ranks = [read_adapter_rank(name, path) for name, path in plan.adapters.items()]
    options = VllmOptions(
        model_directory=directory,
        max_sequences=plan.max_sequences,
        context_tokens=_context(plan, facts),
        dtype=plan.dtype,
        kv_cache_bytes=plan.kv_cache_bytes,
        gpus=plan.gpus,
        gpu_memory_share=plan.gpu_memory_share,
        threads=plan.threads,
        adapters=plan.adapters,
        adapter_rank=max(ranks, default=1),
        tool_parser=plan.tool_parser,
        traces_endpoint=traces_endpoint(os.environ),
        log=plan.log,
    )
    return _Model(
        place=directory,
        facts=facts,
        context_tokens=options.context_tokens,
        start=lambda: start_vllm(options),
    )


def _context(plan: Plan, facts: ModelFacts) -> int:
    return min(plan.context_tokens or facts.context_tokens, facts.context_tokens)


def _template(model: _Model, *, tools: bool) -> ChatTemplate:
    try:
        template = ChatTemplate(model.facts)
    except BadTemplate as error:
        raise StartupError(f"the model {str(model.place)!r} cannot be used: {error}") from error
    if tools and not template.takes_tools:
        raise StartupError(
            f"{SECTION}.tool_parser is set, and the chat template of {str(model.place)!r} tells the"
            " model of no tools: unset it"
        )
    return template
