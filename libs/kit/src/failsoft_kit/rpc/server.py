"""Serving: from bound ports to the last drained call.

    bind all ports -> background work starts -> serving
    -> a signal -> NOT_SERVING, no new calls -> running calls end, or are ended -> flush -> over

`serve` is for a process and owns its signals; `running` is the same without them.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import grpc
import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.http.server import HttpServer
from failsoft_kit.rpc.background import Job, keep_running
from failsoft_kit.rpc.binding import bind, bind_http
from failsoft_kit.rpc.running import RunningCalls
from failsoft_kit.rpc.service import Listener, Service
from failsoft_kit.telemetry.process_metrics import watch_loop

__all__ = ["Listener", "Service", "running", "serve"]

_log: FilteringBoundLogger = structlog.get_logger()

_ABORT_SECONDS = 1.0
_FLUSH_SECONDS = 2.0


async def serve(service: Service) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends the drain at once.

    SIGHUP is the service's own, if it wants it.

    Raises:
        StartupError: a port cannot be had, or may not be opened.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()
    with _signals(stop, hurry, service.on_hangup):
        async with _run(service, hurry) as ports:
            _log.info("service.serving", service=service.name, ports=ports)
            await stop.wait()
            _log.info("service.draining", service=service.name, within=service.drain_seconds)
    _log.info("service.stopped", service=service.name)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[tuple[int, ...]]:
    """Serve inside the block and drain at its end; gives the listeners' ports in their order,
    those of HTTP last.

    Raises:
        StartupError: a port cannot be had, or may not be opened.
    """
    async with _run(service, asyncio.Event()) as ports:
        yield ports


@asynccontextmanager
async def _run(service: Service, hurry: asyncio.Event) -> AsyncIterator[tuple[int, ...]]:
    calls = RunningCalls()
    bound = [bind(service, listener, calls) for listener in service.listeners]
    bound_http = [bind_http(service, listener, calls) for listener in service.http]
    servers, fronts = [server for server, _ in bound], [front for front, _ in bound_http]
    failure: Exception | None = None
    async with _background(service):
        try:
            for server in servers:
                await server.start()
            for front in fronts:
                await front.start()
            yield tuple(port for _, port in (*bound, *bound_http))
        except Exception as error:
            # Not through the task group, which would wrap it.
            failure = error
        finally:
            service.health.drain()
            await _drain(servers, fronts, calls, within=service.drain_seconds, hurry=hurry)
    if failure is not None:
        raise failure


@asynccontextmanager
async def _background(service: Service) -> AsyncIterator[None]:
    """The service's own tasks and the senders of its telemetry, which are flushed at the end."""
    telemetry = service.telemetry
    senders = [each for each in (telemetry.recorder, telemetry.push) if each is not None]
    try:
        async with asyncio.TaskGroup() as tasks:
            watch = partial(watch_loop, telemetry.meter, clock=service.clock)
            certificates = {listener.tls.followed for listener in service.listeners if listener.tls}
            tokens = () if service.token is None else (service.token,)
            own: list[Job] = [watch, *(each.run for each in (*tokens, *certificates, *senders))]
            work = [*service.background, *own]
            jobs = [tasks.create_task(keep_running(job, clock=service.clock)) for job in work]
            try:
                yield
            finally:
                for job in jobs:
                    job.cancel()
    finally:
        async with asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.close(within=_FLUSH_SECONDS))


async def _drain(
    servers: Sequence[grpc.aio.Server],
    fronts: Sequence[HttpServer],
    calls: RunningCalls,
    *,
    within: float,
    hurry: asyncio.Event,
) -> None:
    """Refuse new calls, wait for the running ones, and end those that outlast `within` seconds."""
    async with asyncio.TaskGroup() as tasks:
        for server in servers:
            tasks.create_task(server.stop(within + _ABORT_SECONDS))
        for front in fronts:
            front.drain()
        idle = tasks.create_task(_wait_until_idle(calls, fronts))
        hurried = tasks.create_task(hurry.wait())
        await asyncio.wait((idle, hurried), timeout=within, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        hurried.cancel()
        aborted = calls.abort()
        if aborted:
            _log.warning("service.calls_aborted", calls=aborted)
        for server in servers:
            tasks.create_task(server.stop(_ABORT_SECONDS))
        with suppress(TimeoutError):
            async with asyncio.timeout(_ABORT_SECONDS):
                await calls.wait_until_idle()
        for front in fronts:
            front.close()


async def _wait_until_idle(calls: RunningCalls, fronts: Sequence[HttpServer]) -> None:
    """Until no call is left, those included that come over HTTP connections as they end."""
    await calls.wait_until_idle()
    for front in fronts:
        await front.wait_until_left()
    await calls.wait_until_idle()


@contextmanager
def _signals(
    stop: asyncio.Event, hurry: asyncio.Event, on_hangup: Callable[[], None] | None
) -> Iterator[None]:
    """The first SIGTERM or SIGINT sets `stop`, every later one `hurry`."""

    def on_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    handlers = dict.fromkeys((signal.SIGTERM, signal.SIGINT), on_stop)
    if on_hangup is not None:
        handlers[signal.SIGHUP] = on_hangup
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
