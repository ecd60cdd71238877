"""What happens around every call that a service answers.

    arrive -> span, ids -> is there room? -> deadline past? -> who calls? -> may they?
    -> decode -> servicer -> end

It wraps each method's handler once, when the server is built; a call then passes
through one function of ours, and gRPC's chain of interceptors stays empty.

Servicers raise `FailsoftError` for what a caller can act on; it becomes a status with
details. Anything else becomes INTERNAL with the request's id and no text, and a log line
with the stack. A call that is cancelled ends its span as it is: that is no error.
"""
# ruff: noqa: ANN401 - it hands through messages of any type

import asyncio
import logging
import math
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.identity import Access, Authenticator, Principal
from failsoft_kit.identity import Kind as PrincipalKind
from failsoft_kit.log_bound import LogBound
from failsoft_kit.logs import about
from failsoft_kit.rpc import crash
from failsoft_kit.rpc.channel import (
    ATTEMPT_METADATA,
    DEPTH_METADATA,
    REQUEST_ID_METADATA,
)
from failsoft_kit.rpc.ending import OK, OUR_FAULT, Ending, code_name, ending_of
from failsoft_kit.rpc.handlers import Context, Decode, Handler, Respond, decoder, responder
from failsoft_kit.rpc.names import CALL_DURATION, CALLS_REFUSED, METHOD, STATUS
from failsoft_kit.rpc.running import RunningCall, RunningCalls
from failsoft_kit.rpc.status import ErrorDetails, grpc_code, to_status, trailing_metadata
from failsoft_kit.telemetry.context import context_of
from failsoft_kit.telemetry.meter import Meter
from failsoft_kit.telemetry.span import Kind, error_type_of
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_kit.tls.server import names_of_peer
from failsoft_model.errors import BudgetSpent, Code, FailsoftError, Overloaded, PermissionDenied

Metadata = Collection[tuple[str, str | bytes]]

_log: FilteringBoundLogger = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ATTEMPT_ID = re.compile(r"[A-Za-z0-9._/-]{1,160}")
_DEPTH = re.compile(r"[0-9]{1,4}", re.ASCII)
_CERTAIN_SHARE = 0.99
"""gRPC rounds a deadline up by at most 1 % to write it down: only this share of it is sure."""

_ROOM_AFTER_SECONDS = 1.0
"""When a caller who found no room is told to come back."""

_SYSTEM = "grpc"
_ANYONE = Principal(tenant="", kind=PrincipalKind.USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Method:
    """What is known of a method before its first call. `access` None: it is in no table."""

    name: str
    access: Access | None
    attributes: Mapping[str, str]


class Interceptor:
    """Wraps the handlers of one listener.

    Args:
        access: What each method demands, by its full name without a leading slash;
            a method that is missing is refused to everybody.
        max_calls: Calls that may run at once; more are refused. Health and reflection are
            always answered and don't count.
        details: Gives more details for the status of an error.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        access: Mapping[str, Access],
        tracer: Tracer,
        meter: Meter,
        clock: Clock,
        running: RunningCalls,
        max_calls: int,
        details: ErrorDetails,
    ) -> None:
        self._authenticator = authenticator
        self._access = access
        self._tracer = tracer
        self._unrecorded = Tracer(clock=clock)
        self._clock = clock
        self._running = running
        self._max_calls = max_calls
        self._open = 0
        self._durations = meter.histogram(
            CALL_DURATION, {METHOD.name: access, STATUS.name: (OK, *(code.name for code in Code))}
        )
        self._refusals = meter.counter(CALLS_REFUSED).cell()
        self._details = details
        self._log: FilteringBoundLogger = _log.bind()
        self._log_bound = LogBound(all_of_them=self._log.is_enabled_for(logging.DEBUG))

    def wrap(self, name: str, handler: Handler) -> Handler:
        """The handler that serves the method of that full name instead of `handler`."""
        method = _Method(
            name=name,
            access=self._access.get(name),
            attributes={"rpc.system.name": _SYSTEM, "rpc.method": name},
        )
        decode = decoder(handler)
        guarded = self._guard(method, responder(handler), decode)
        match handler.request_streaming, handler.response_streaming:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(guarded)
            case False, True:
                return grpc.unary_stream_rpc_method_handler(
                    guarded, None, handler.response_serializer
                )
            case True, False:
                return grpc.stream_unary_rpc_method_handler(guarded, decode)
            case _:
                return grpc.stream_stream_rpc_method_handler(
                    guarded, decode, handler.response_serializer
                )

    def _guard(
        self,
        method: _Method,
        respond: Respond,
        decode: Decode,
    ) -> "Callable[[Any, Context], Awaitable[bytes | None]]":
        async def guarded(request: Any, context: Context) -> bytes | None:
            metadata = context.invocation_metadata() or ()
            call = self._arrive(method, metadata, context.time_remaining())
            try:
                self._admit(method, call, metadata, context)
                message = decode(request) if isinstance(request, bytes) else request
                reply = await respond(message, context, call)
            except BaseException as error:
                ending = ending_of(call, error, code=context.code(), now=self._clock.now())
                self._finish(call, ending)
                if ending.answer is None:
                    raise
                await self._answer(call, ending.answer, context)
                raise
            else:
                self._finish(call, Ending(code=code_name(context.code())))
                return reply
            finally:
                self._leave(call)

        return guarded

    def _arrive(self, method: _Method, metadata: Metadata, remaining: float | None) -> RunningCall:
        """Give a call its span and its id. Never raises."""
        sent = dict(metadata)
        tracer = self._unrecorded if method.access is Access.ANYONE else self._tracer
        span = tracer.start(
            method.name,
            kind=Kind.SERVER,
            parent=context_of(sent),
            attributes=method.attributes,
        )
        own_id = _valid(sent.get(REQUEST_ID_METADATA), _REQUEST_ID)
        now = self._clock.now()
        call = RunningCall(
            method=method.name,
            held=method.access is not Access.ANYONE,
            request_id=own_id or span.context.trace_hex,
            attempt_id=_valid(sent.get(ATTEMPT_METADATA), _ATTEMPT_ID),
            depth=int(_valid(sent.get(DEPTH_METADATA), _DEPTH) or 0),
            span=span,
            started=now,
            deadline_at=math.inf if remaining is None else now + remaining * _CERTAIN_SHARE,
            task=asyncio.current_task(),
        )
        self._running.add(call)
        self._open += call.held
        return call

    def _leave(self, call: RunningCall) -> None:
        self._open -= call.held
        self._running.remove(call)

    def _admit(
        self, method: _Method, call: RunningCall, metadata: Metadata, context: Context
    ) -> None:
        """Let the call in, or raise why not."""
        if call.held and self._open > self._max_calls:
            self._refusals.add()
            raise Overloaded(
                f"{self._max_calls} calls are running, there is room for no more",
                retry_after=_ROOM_AFTER_SECONDS,
            )
        if call.deadline_at <= call.started:
            raise BudgetSpent("the deadline was past before the call arrived")
        call.let_in(self._principal(method, metadata, context))

    def _principal(self, method: _Method, metadata: Metadata, context: Context) -> Principal:
        if method.access is Access.ANYONE:
            return _ANYONE
        if method.access is None:
            raise PermissionDenied(f"{method.name} is open to nobody")
        names: Collection[str] = ()
        if self._authenticator.reads_certificates:
            names = names_of_peer(context.auth_context())
        principal = self._authenticator.principal(metadata, names=names)
        if not method.access.permits(principal):
            raise PermissionDenied(f"{method.name} demands the access {method.access.value}")
        return principal

    async def _answer(self, call: RunningCall, error: FailsoftError, context: Context) -> None:
        """Tell the caller, by ending the call; raises what gRPC ends a servicer with."""
        if call.aborted and call.task is not None:
            call.task.uncancel()
        status = to_status(error, request_id=call.request_id, details=self._details)
        await context.abort(grpc_code(error.code), status.message, trailing_metadata(status))

    def _finish(self, call: RunningCall, ending: Ending) -> None:
        """Measure, end the span, and write what there is to say into the log."""
        span = call.span
        if call.held:
            duration = self._durations.cell(_SYSTEM, call.method, ending.code)
            duration.observe(self._clock.now() - call.started, span.context)
        span.set("rpc.status_code", ending.code)
        if ending.answer is not None:
            span.set("failsoft.reason", ending.answer.reason)
        if ending.crash is not None:
            span.fail(error_type_of(ending.crash))
        elif ending.code in OUR_FAULT:
            span.fail(ending.code)
        span.end()
        more = self._log_bound.line_of(
            None if ending.code == OK else ending.code,
            crashed=ending.crash is not None,
            now=self._clock.now(),
        )
        if more is not None:
            self._write_log(call, ending, more)

    def _write_log(self, call: RunningCall, ending: Ending, more: Mapping[str, int]) -> None:
        facts = {
            "method": call.method,
            "code": ending.code,
            "ms": round((self._clock.now() - call.started) * 1000, 3),
            "request_id": call.request_id,
            **about(call.span.context),
            **more,
        }
        if ending.crash is not None:
            self._log.error("rpc.crashed", stack=crash.describe(ending.crash), **facts)
        elif ending.code == OK:
            self._log.debug("rpc.answered", **facts)
        elif ending.code in OUR_FAULT:
            self._log.warning("rpc.failed", **facts)
        else:
            self._log.info("rpc.refused", **facts)


def _valid(value: str | bytes | None, pattern: re.Pattern[str]) -> str | None:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    return None
