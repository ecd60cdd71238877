"""Starts a look-alike, in a test or as a process of its own."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from failsoft_upstream import control
from failsoft_upstream.anthropic.routes import Anthropic
from failsoft_upstream.dialect import Backstage
from failsoft_upstream.gemini.routes import Gemini
from failsoft_upstream.listener import Listener
from failsoft_upstream.openai.routes import OpenAI
from failsoft_upstream.options import Options
from failsoft_upstream.upstream import Upstream

_LOOPBACK = "127.0.0.1"
_LARGEST_BODY = 64 * 1024 * 1024
# Connections that are still busy when the look-alike stops get this many seconds.
_GRACE = 0.01


@asynccontextmanager
async def running(options: Options | None = None) -> AsyncIterator[Upstream]:
    """A look-alike that listens while the block runs; None: on any free port of 127.0.0.1.

    Raises:
        OSError: An address cannot be had; the message names it.
    """
    options = options or Options()
    async with AsyncExitStack() as stack:
        listener = Listener(host=options.host, port=options.port)
        stack.callback(listener.close)
        control_listener = None
        if options.control_port is not None:
            control_listener = Listener(host=_LOOPBACK, port=options.control_port)
            stack.callback(control_listener.close)
        backstage = Backstage(options=options)
        upstream = Upstream(backstage, listener=listener, control_listener=control_listener)
        dialects = [
            route
            for dialect in (Anthropic(backstage), Gemini(backstage), OpenAI(backstage))
            for route in dialect.routes()
        ]
        commands = control.routes(upstream)
        if control_listener is None:
            await listener.start(await _serving(stack, (*dialects, *commands)))
        else:
            await listener.start(await _serving(stack, dialects))
            await control_listener.start(await _serving(stack, commands))
        stack.callback(upstream.close)
        yield upstream


async def serve(options: Options, *, announce: Callable[[Upstream], None]) -> None:
    """Run a look-alike until SIGTERM or SIGINT; both end it at once.

    Args:
        options: Where and how.
        announce: Called once, when it listens.

    Raises:
        OSError: An address cannot be had; the message names it.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
            stack.callback(loop.remove_signal_handler, number)
        announce(await stack.enter_async_context(running(options)))
        await stopped.wait()


async def _serving(stack: AsyncExitStack, routes: Sequence[web.RouteDef]) -> web.Server:
    """An HTTP server for `routes`, which ends with the stack."""
    application = web.Application(client_max_size=_LARGEST_BODY)
    application.add_routes(routes)
    runner = web.AppRunner(
        application, handler_cancellation=True, access_log=None, shutdown_timeout=_GRACE
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    if runner.server is None:
        raise RuntimeError("the HTTP server is not set up")
    return runner.server
