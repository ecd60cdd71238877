"""Plays a reply on a connection."""

import asyncio
import itertools
import os
import socket
import struct
from typing import assert_never

from aiohttp import web

from failsoft_upstream.meter import Meter
from failsoft_upstream.reply import Abort, Forever, Pause, Reply, SendHeaders, Silence, Write

_NO_LINGER = struct.pack("ii", 1, 0)


async def play(request: web.Request, reply: Reply, meter: Meter) -> web.StreamResponse:
    """Carry out every step of `reply`.

    Raises:
        asyncio.CancelledError, ConnectionError: The client left.
    """
    if reply.streamed:
        return await _stream(request, reply, meter)
    body = bytearray()
    for step in reply.steps:
        match step:
            case Write():
                body += step.data
                meter.said(step.tokens)
            case Pause():
                await asyncio.sleep(step.seconds)
            case _:
                raise ValueError(f"{step} needs a streamed reply")
    return web.Response(status=reply.status, headers=reply.headers, body=bytes(body))


async def _stream(request: web.Request, reply: Reply, meter: Meter) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    for step in reply.steps:
        match step:
            case Write(data, tokens):
                if not response.prepared:
                    await response.prepare(request)
                await response.write(data)
                if tokens:
                    meter.said(tokens)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case SendHeaders():
                await response.prepare(request)
            case Silence():
                await asyncio.get_running_loop().create_future()
            case Forever(make):
                await response.prepare(request)
                for turn in itertools.count():
                    await response.write(make(turn))
                    # A caller that reads fast never makes a write wait.
                    await asyncio.sleep(0)
            case Abort():
                _reset(request)
                return response
            case _:
                assert_never(step)
    return response


def _reset(request: web.Request) -> None:
    """Close so that the peer gets a RST instead of an orderly end."""
    transport = request.transport
    if transport is None:
        return
    # A second handle on the same socket: event loops don't all hand out their own.
    number = os.dup(transport.get_extra_info("socket").fileno())
    with socket.socket(fileno=number) as handle:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
