"""Notices an engine that is alive and does nothing.

A process that hangs in a driver, or was stopped, doesn't end: its callers would wait for ever.
"""

import asyncio

from failsoft_kit.clock import Clock
from failsoft_local_llm.ports import Engine

_LOOKS = 10
"""How often it looks within the time that an engine may be silent."""


async def wait_until_stalled(engine: Engine, *, clock: Clock, after: float) -> str:
    """Returns when the engine has been silent for too long while somebody waited for it.

    Args:
        after: Seconds; it is noticed a tenth of them later at most.

    Returns:
        Why it counts as dead, in words for the operator.
    """
    heard, since = engine.heartbeat(), clock.now()
    while True:
        await asyncio.sleep(after / _LOOKS)
        beat = engine.heartbeat()
        if beat is None or beat != heard:
            heard, since = beat, clock.now()
        elif clock.now() - since >= after:
            return f"the engine has said nothing for {after:g} s although it has work"
