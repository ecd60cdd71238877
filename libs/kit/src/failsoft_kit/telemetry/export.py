"""What sending a batch to a collector can lead to, whichever way it goes."""

from typing import Protocol

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

LONGEST_HINT = 300.0
"""Seconds that a collector may ask for: one that says a year is tried again before that."""


class ExportFailed(Exception):
    """The collector did not take a batch.

    `again` says whether it may take the same batch later; `after`, how many seconds it wants
    to be left alone before that, at most `LONGEST_HINT`; None where it did not say.
    """

    def __init__(self, message: str, *, again: bool, after: float | None = None) -> None:
        super().__init__(message)
        self.again = again
        self.after = None if after is None else min(after, LONGEST_HINT)


class Unwanted(ExportFailed):
    """Nobody takes this signal there, as a Jaeger takes spans and no metrics."""

    def __init__(self, message: str) -> None:
        super().__init__(message, again=False)


class Exporter(Protocol):
    """Sends encoded requests of one signal to a collector."""

    async def export(self, request: bytes) -> int:
        """Send one batch within the exporter's own time limit.

        Returns:
            How many of its spans or points the collector refused while it took the others.

        Raises:
            ExportFailed: the collector was not there, or refused all.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


def refused(reply: bytes) -> int:
    """How many spans or points a collector says it did not take of a batch that it took.

    OTLP numbers the fields of both signals' replies alike. A reply that cannot be read
    refuses nothing: the batch was taken, and that is all that is known.
    """
    try:
        answer = ExportTraceServiceResponse.FromString(reply)
    except DecodeError:
        return 0
    return max(0, int(answer.partial_success.rejected_spans))
