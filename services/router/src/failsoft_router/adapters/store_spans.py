"""Storing answers as spans: one below each walk, although several answers travel in one call.

The walk is the parent, and not only linked to, because whoever looks at a walk's trace wants
to see there whether its answer was kept. The span begins when the answer is sent, which is
after the reply, so it outlasts its parent. What was given up before has none.
"""

from collections.abc import Iterable
from types import TracebackType

import grpc

from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.span import Kind, error_type_of
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_router import span_names


class StoreSpans:
    """A block in which one call brings the answers of these walks to the cache.

    The call is made in the span of the first walk that is recorded; the others link to it,
    because what the cache does is below that one.
    """

    __slots__ = ("_carrier", "_spans")

    def __init__(self, tracer: Tracer, walks: Iterable[SpanContext]) -> None:
        """
        Args:
            walks: Their spans; at least one.
        """
        self._spans = [
            tracer.start(
                span_names.STORE_METHOD,
                kind=Kind.CLIENT,
                parent=walk,
                attributes=span_names.call_attributes(span_names.STORE_METHOD),
            )
            for walk in walks
        ]
        recorded = (span for span in self._spans if span.recording)
        self._carrier = next(recorded, self._spans[0])
        for span in self._spans:
            if span is not self._carrier:
                span.link(self._carrier.context, {span_names.LINK: span_names.SENT_WITH})

    @property
    def context(self) -> SpanContext:
        """The span that the call is made in."""
        return self._carrier.context

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for span in self._spans:
            if isinstance(error, Exception):
                span.fail(_error_type(error))
            span.end()


def _error_type(error: Exception) -> str:
    return error.code().name if isinstance(error, grpc.aio.AioRpcError) else error_type_of(error)
