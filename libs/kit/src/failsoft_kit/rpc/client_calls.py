"""Measures the calls that we make to other services of ours."""

from collections.abc import Iterable
from types import TracebackType

import grpc

from failsoft_kit.clock import Clock
from failsoft_kit.rpc.ending import OK
from failsoft_kit.rpc.names import CLIENT_CALL_DURATION, METHOD, STATUS
from failsoft_kit.telemetry.cells import Histogram
from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.family import Family
from failsoft_kit.telemetry.meter import Meter

_SYSTEM = "grpc"
_LEFT = grpc.StatusCode.CANCELLED.name


class ClientCalls:
    """What one process calls.

    Args:
        methods: By their full names, without a leading slash; all that are called.
    """

    def __init__(self, meter: Meter, methods: Iterable[str], *, clock: Clock) -> None:
        statuses = [code.name for code in grpc.StatusCode]
        self._durations = meter.histogram(
            CLIENT_CALL_DURATION, {METHOD.name: methods, STATUS.name: statuses}
        )
        self._clock = clock

    def measured(self, method: str, context: SpanContext | None = None) -> "MeasuredCall":
        """A block in which one call to that method is made, from its first byte to its last.

        Args:
            context: The span that it is made in; None: it belongs to none.
        """
        return MeasuredCall(self._durations, method, context, clock=self._clock)


class MeasuredCall:
    """Told by how its block ends: gRPC's status, or cancelled where the call was left."""

    __slots__ = ("_began", "_clock", "_context", "_durations", "_method")

    def __init__(
        self,
        durations: Family[Histogram],
        method: str,
        context: SpanContext | None,
        *,
        clock: Clock,
    ) -> None:
        self._durations = durations
        self._method = method
        self._context = context
        self._clock = clock

    def __enter__(self) -> None:
        self._began = self._clock.now()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        took = self._clock.now() - self._began
        self._durations.cell(_SYSTEM, self._method, _status(error)).observe(took, self._context)


def _status(error: BaseException | None) -> str:
    if error is None:
        return OK
    return error.code().name if isinstance(error, grpc.aio.AioRpcError) else _LEFT
