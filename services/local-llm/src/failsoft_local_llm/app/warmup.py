"""Real generations, which an engine has to manage before callers are let in."""

from collections.abc import Sequence
from contextlib import aclosing

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_local_llm.core.decoding import Decoding, Form
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.core.warming import prompt_lengths
from failsoft_local_llm.ports import Engine, EngineRefused, FormRefused, Opened
from failsoft_model.chat import Message, Role, Text
from failsoft_model.walk import Capability

_log: FilteringBoundLogger = structlog.get_logger()

_QUESTION = Message(role=Role.USER, parts=(Text(text="Say hello."),))
_FIRST = Decoding(max_tokens=4, temperature=0.0)
_SHORT = Decoding(max_tokens=2, temperature=0.0)
_STRUCTURED = Decoding(
    max_tokens=16,
    temperature=0.0,
    form=Form(
        schema_json='{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}'
    ),
)
_OURSELVES = Caller(tenant="", id="warm-up")


async def warm_up(engine: Engine, opened: Opened, *, longest: int) -> None:
    """Has the engine answer a question of ours, then read prompts of every class of lengths.

    Without an answer to the first it is of no use. What it refuses of the others is logged:
    it may have no memory for the longest, and answers all the same.

    Args:
        longest: Tokens of the longest prompt; 0: the question alone.

    Raises:
        EngineDied: it ended.
        EngineRefused: it did not take the question, or generated nothing.
    """
    question = opened.template.prompt([_QUESTION], continue_from="")
    prompt = await engine.tokenize(question)
    if not await _tokens(engine, prompt, _FIRST):
        raise EngineRefused("the engine's first generation was empty")
    if longest and Capability.JSON_SCHEMA in opened.model.capabilities:
        await _try(engine, prompt, _STRUCTURED)
    for length in prompt_lengths(longest=longest, context_tokens=opened.model.context_tokens):
        repeats = -(-length // len(prompt))
        await _try(engine, [*prompt, *list(prompt) * repeats][:length], _SHORT)


async def _try(engine: Engine, prompt: Sequence[int], decoding: Decoding) -> None:
    try:
        await _tokens(engine, prompt, decoding)
    except (EngineRefused, FormRefused) as refused:
        structured = decoding.form is not None
        _log.warning(
            "engine.warm_up_refused", tokens=len(prompt), structured=structured, why=str(refused)
        )


async def _tokens(engine: Engine, prompt: Sequence[int], decoding: Decoding) -> int:
    """How many tokens the engine generates for that."""
    order = Order(prompt=prompt, decoding=decoding, caller=_OURSELVES)
    async with aclosing(engine.generate(order)) as chunks:
        return sum([chunk.tokens async for chunk in chunks])
