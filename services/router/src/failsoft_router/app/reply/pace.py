"""Says a text piece by piece, with the pauses that belong between them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from failsoft_kit.clock import Clock
from failsoft_router.core.mock import Piece


async def say(
    pieces: Iterable[Piece], take: Callable[[str], Awaitable[None]], *, clock: Clock, by: float
) -> None:
    """Hand the pieces on, each when its pause is over.

    The time that a slow reader takes counts as pause.

    Args:
        by: The clock's time at which all is to be said; the pauses shrink to that.
    """
    due = clock.now()
    pieces = tuple(pieces)
    whole = sum(piece.pause for piece in pieces)
    speed = min(1.0, max(0.0, by - due) / whole) if whole else 1.0
    for piece in pieces:
        due += piece.pause * speed
        wait = due - clock.now()
        if wait > 0:
            await asyncio.sleep(wait)
        await take(piece.text)
