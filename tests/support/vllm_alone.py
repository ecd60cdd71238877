"""vLLM behind our port with no door before it, run in the environment that has it.

    .venv-vllm/bin/python tests/support/vllm_alone.py DIRECTORY

One request is answered at a time, while one of each criticality waits, the least first; at last
the engine is ended in the midst of an answer. Prints what came of that as JSON, see `Seen`.
"""

import asyncio
import dataclasses
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from failsoft_local_llm.adapters.vllm.launch import start_vllm
from failsoft_local_llm.adapters.vllm.options import VllmOptions
from failsoft_local_llm.core.decoding import Decoding
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.ports import Chunk, Engine, EngineDied, EngineRefused
from failsoft_model.chat import Criticality
from failsoft_model.walk import Load

PROMPT = [7] * 600
LONG, SHORT = 1000, 2
UNTIL_ALL_WAIT = 50
"""Tokens of the long answer; the engine looks for new requests before each."""
CACHE_BYTES = 2 << 20
TOLD_SECONDS = 60.0
"""After that nobody will tell any more."""
WAITING = (
    Criticality.SHEDDABLE,
    Criticality.SHEDDABLE_PLUS,
    Criticality.CRITICAL,
    Criticality.CRITICAL_PLUS,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the engine said."""

    idle: Load
    busy: Load
    """While one is answered that has read `prompt` tokens, and all others wait."""
    prompt: int
    answered: list[str]
    """The criticalities, in the order in which their answers began."""
    left: Load
    broken_off: bool
    """Whether the answer that was under way at the engine's end was told of it."""


async def main(directory: Path) -> Seen:
    options = VllmOptions(
        model_directory=directory,
        max_sequences=1,
        context_tokens=2048,
        kv_cache_bytes=CACHE_BYTES,
    )
    async with start_vllm(options) as engine:
        idle = engine.load()
        answered: list[str] = []
        async with (
            asyncio.TaskGroup() as tasks,
            aclosing(engine.generate(order(Criticality.CRITICAL, LONG))) as long,
        ):
            tokens = (await anext(long)).tokens
            for criticality in WAITING:
                tasks.create_task(answer(engine, criticality, answered))
            while tokens < UNTIL_ALL_WAIT:
                tokens += (await anext(long)).tokens
            busy = engine.load()
        left = engine.load()
        last = engine.generate(order(Criticality.CRITICAL, LONG))
        await anext(last)
    return Seen(
        idle=idle,
        busy=busy,
        prompt=len(PROMPT),
        answered=answered,
        left=left,
        broken_off=await breaks_off(last),
    )


async def breaks_off(answer: AsyncGenerator[Chunk, None]) -> bool:
    try:
        async with asyncio.timeout(TOLD_SECONDS):
            async for _ in answer:
                pass
    except EngineDied:
        return True
    except (EngineRefused, TimeoutError):
        pass
    return False


async def answer(engine: Engine, criticality: Criticality, answered: list[str]) -> None:
    async with aclosing(engine.generate(order(criticality, SHORT))) as chunks:
        await anext(chunks)
        answered.append(criticality.value)
        async for _ in chunks:
            pass


def order(criticality: Criticality, tokens: int) -> Order:
    return Order(
        prompt=PROMPT,
        decoding=Decoding(max_tokens=tokens, temperature=0.0),
        caller=Caller(tenant="acme", id=f"{criticality.value}/{tokens}"),
        criticality=criticality,
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dataclasses.asdict(asyncio.run(main(Path(sys.argv[1]))))))
