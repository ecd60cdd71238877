"""Leaving a call that has said all that is wanted, and has not ended yet."""

import asyncio

import grpc

END_SECONDS = 1.0
"""How long the other end may take to end it."""


def let_end(call: grpc.aio.Call) -> None:
    """Nobody reads this call any more, and its end is not waited for.

    Its status comes a moment after the last message. A call that is cancelled before that was given
    up as far as the other end can tell: in its log, its span, its metrics. gRPC cancels what nobody
    holds, so it is held until it has ended, and cancelled where that takes too long.
    """
    cancelling = asyncio.get_running_loop().call_later(END_SECONDS, call.cancel)
    call.add_done_callback(lambda _: cancelling.cancel())
