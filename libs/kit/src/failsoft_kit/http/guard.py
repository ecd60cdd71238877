"""What happens around every HTTP request that a service answers.

    arrive -> span, ids -> is there room? -> who calls? -> may they? -> is it served?
    -> handler -> end

It is to HTTP what `rpc.interceptor` is to gRPC, with the same words and the same order.
Handlers raise `FailsoftError` for what a client can act on; the listener's form makes a reply
of it, or the last piece of a body that has begun. Anything else is an internal error with the
request's id and no text, and a log line with the stack.
"""

import asyncio
import logging
import math
import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.http.exchange import Request, Response
from failsoft_kit.http.listener import ErrorForm, HttpListener
from failsoft_kit.http.names import METHOD, REQUEST_DURATION, ROUTE, STATUS
from failsoft_kit.http.origin import is_another_site
from failsoft_kit.http.routes import Match, Route, Routes
from failsoft_kit.identity import (
    AUTHORIZATION_METADATA,
    Access,
    Authenticator,
    Principal,
)
from failsoft_kit.identity import Kind as PrincipalKind
from failsoft_kit.log_bound import LogBound
from failsoft_kit.logs import about
from failsoft_kit.rpc import crash
from failsoft_kit.rpc.channel import REQUEST_ID_METADATA
from failsoft_kit.rpc.ending import Ending, ending_of
from failsoft_kit.rpc.names import CALLS_REFUSED
from failsoft_kit.rpc.running import RunningCall, RunningCalls
from failsoft_kit.telemetry.context import context_of
from failsoft_kit.telemetry.meter import Meter
from failsoft_kit.telemetry.span import Kind, error_type_of
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.errors import (
    FailsoftError,
    Overloaded,
    PermissionDenied,
    Unauthenticated,
)

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

_log: FilteringBoundLogger = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ROOM_AFTER_SECONDS = 1.0
"""When a caller who found no room is told to come back."""
_HUNG_UP = 499
_STATUSES = (
    *(200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429),
    *(_HUNG_UP, 500, 501, 502, 503, 504),
)
_METHODS = ("GET", "POST", "PUT", "DELETE")
_OTHER_METHOD = "_OTHER"
_ANYONE = Principal(tenant="", kind=PrincipalKind.USER)


class Guard:
    """The ASGI application of one listener."""

    def __init__(
        self,
        listener: HttpListener,
        *,
        authenticator: Authenticator,
        tracer: Tracer,
        meter: Meter,
        clock: Clock,
        running: RunningCalls,
    ) -> None:
        self._routes = Routes(listener.routes)
        self._errors: ErrorForm = listener.errors
        self._takes_unknown_keys = listener.takes_unknown_keys
        self._max_calls = listener.max_calls
        self._max_body = listener.max_body_bytes
        self._body_seconds = listener.body_seconds
        self._authenticator = authenticator
        self._tracer = tracer
        self._unrecorded = Tracer(clock=clock)
        self._clock = clock
        self._running = running
        self._open = 0
        paths = ("", *(route.path for route in listener.routes))
        self._durations = meter.histogram(
            REQUEST_DURATION,
            {
                METHOD.name: (*_METHODS, _OTHER_METHOD),
                ROUTE.name: paths,
                STATUS.name: map(str, _STATUSES),
            },
        )
        self._refusals = meter.counter(CALLS_REFUSED).cell()
        self._date = (0, "")
        self._log: FilteringBoundLogger = _log.bind()
        self._log_bound = LogBound(all_of_them=self._log.is_enabled_for(logging.DEBUG))

    async def __call__(
        self, scope: "HTTPScope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Answer one request. Never raises, so that the server has nothing to say itself."""
        found = self._routes.find(scope["method"], scope["path"])
        match = found if isinstance(found, Match) else None
        below = match.below if match is not None else ""
        request = Request(
            scope, receive, below=below, most=self._max_body, within=self._body_seconds
        )
        call = self._arrive(None if match is None else match.route, scope["method"], request)
        always = (("x-request-id", call.request_id), ("date", self._now()))
        response = Response(scope, send, always=always)
        ending: Ending | None = None
        try:
            request.when_gone(_hang_up(call))
            self._admit(None if match is None else match.route, call, request)
            if isinstance(found, FailsoftError):
                raise found
            await found.route.handler(request, response)
            request.is_over()
        except BaseException as error:
            request.is_over()
            _forget_cancellation(call)
            ending = ending_of(call, error, code=None, now=self._clock.now())
            if ending.answer is not None:
                await self._answer(call, ending.answer, response)
        finally:
            self._open -= call.held
            self._running.remove(call)
        self._finish(call, response.status or _HUNG_UP, ending)

    def _arrive(self, route: Route | None, method: str, request: Request) -> RunningCall:
        """Give a call its span and its id. Never raises."""
        known = method if method in _METHODS else _OTHER_METHOD
        held = route is None or route.is_held
        tracer = self._tracer if held else self._unrecorded
        path = "" if route is None else route.path
        name = f"{known} {path or 'unknown'}"
        span = tracer.start(
            name,
            kind=Kind.SERVER,
            parent=context_of(request.headers),
            attributes={METHOD.name: known, ROUTE.name: path},
        )
        own_id = request.headers.get(REQUEST_ID_METADATA, "")
        call = RunningCall(
            method=name,
            held=held,
            request_id=own_id if _REQUEST_ID.fullmatch(own_id) else span.context.trace_hex,
            attempt_id=None,
            depth=0,
            span=span,
            started=self._clock.now(),
            deadline_at=math.inf,
            task=asyncio.current_task(),
        )
        self._running.add(call)
        self._open += call.held
        return call

    def _admit(self, route: Route | None, call: RunningCall, request: Request) -> None:
        """Let the call in, or raise why not."""
        if call.held and self._open > self._max_calls:
            self._refusals.add()
            raise Overloaded(
                f"{self._max_calls} requests are running, there is room for no more",
                retry_after=_ROOM_AFTER_SECONDS,
            )
        call.let_in(self._principal(route, request))

    def _principal(self, route: Route | None, request: Request) -> Principal:
        """Who calls; where nothing is served only those who may ask for a tenant are told so."""
        access = Access.TENANT if route is None else route.access
        if access is Access.ANYONE:
            return _ANYONE
        principal = self._known(request)
        if not access.permits(principal):
            raise PermissionDenied(f"this path demands the access {access.value}")
        return principal

    def _known(self, request: Request) -> Principal:
        if self._authenticator.admits_strangers and is_another_site(
            request.headers.get("origin", "")
        ):
            raise PermissionDenied("pages of other sites may not ask where nobody shows a key")
        try:
            return self._authenticator.principal(request.pairs)
        except Unauthenticated:
            if not (self._takes_unknown_keys and self._authenticator.admits_strangers):
                raise
            rest = [pair for pair in request.pairs if pair[0] != AUTHORIZATION_METADATA]
            return self._authenticator.principal(rest)

    async def _answer(self, call: RunningCall, error: FailsoftError, response: Response) -> None:
        """Tell the client, or break the connection off where it does not read."""
        if response.stuck:
            response.abort()
        elif response.status is None:
            await response.reply(self._errors.whole(error, request_id=call.request_id))
        else:
            await response.end(self._errors.in_stream(error, request_id=call.request_id))

    def _finish(self, call: RunningCall, status: int, ending: Ending | None) -> None:
        """Measure, end the span, and write what there is to say into the log."""
        span = call.span
        if call.held:
            method, _, path = call.method.partition(" ")
            path = path if path.startswith("/") else ""
            duration = self._durations.cell(method, path, str(status))
            duration.observe(self._clock.now() - call.started, span.context)
        span.set(STATUS.name, status)
        if ending is not None and ending.answer is not None:
            span.set("failsoft.reason", ending.answer.reason)
        if ending is not None and ending.crash is not None:
            span.fail(error_type_of(ending.crash))
        elif status >= 500:
            span.fail(str(status))
        span.end()
        more = self._log_bound.line_of(
            None if ending is None else ending.code,
            crashed=ending is not None and ending.crash is not None,
            now=self._clock.now(),
        )
        if more is not None:
            self._write_log(call, status, ending, more)

    def _write_log(
        self, call: RunningCall, status: int, ending: Ending | None, more: Mapping[str, int]
    ) -> None:
        facts = {
            "route": call.method,
            "status": status,
            "ms": round((self._clock.now() - call.started) * 1000, 3),
            "request_id": call.request_id,
            **about(call.span.context),
            **more,
        }
        if ending is None:
            self._log.debug("http.answered", **facts)
        elif ending.crash is not None:
            self._log.error("http.crashed", stack=crash.describe(ending.crash), **facts)
        elif status >= 500:
            self._log.warning("http.failed", code=ending.code, **facts)
        else:
            self._log.info("http.refused", code=ending.code, **facts)

    def _now(self) -> str:
        """The date of a reply, written once a second."""
        second = int(self._clock.unix())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _hang_up(call: RunningCall) -> Callable[[], object]:
    return _nothing if call.task is None else call.task.cancel


def _nothing() -> None:
    """The client may go: nothing is done for it any more."""


def _forget_cancellation(call: RunningCall) -> None:
    """It was ours, and has done what it was for."""
    while call.task is not None and call.task.cancelling():
        call.task.uncancel()
