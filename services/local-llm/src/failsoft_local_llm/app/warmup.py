"""One real generation, which an engine has to manage before callers are let in."""

from contextlib import aclosing

from failsoft_local_llm.core.decoding import Decoding
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.ports import Engine, EngineRefused, Template
from failsoft_model.chat import Message, Role, Text

_QUESTION = Message(role=Role.USER, parts=(Text(text="Say hello."),))
_DECODING = Decoding(max_tokens=4, temperature=0.0)
_OURSELVES = Caller(tenant="", id="warm-up")


async def warm_up(engine: Engine, template: Template) -> None:
    """Has the engine answer a question of ours.

    Raises:
        EngineDied: it ended.
        EngineRefused: it did not take the question, or generated nothing.
    """
    prompt = await engine.tokenize(template.prompt([_QUESTION], continue_from=""))
    order = Order(prompt=prompt, decoding=_DECODING, caller=_OURSELVES)
    async with aclosing(engine.generate(order)) as chunks:
        tokens = sum([chunk.tokens async for chunk in chunks])
    if tokens == 0:
        raise EngineRefused("the engine's first generation was empty")
