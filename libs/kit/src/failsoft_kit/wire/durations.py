"""Seconds as floats inside, `google.protobuf.Duration` on the wire."""

from google.protobuf.duration_pb2 import Duration

_NANOS = 1_000_000_000


def fill_duration(into: Duration, seconds: float) -> None:
    """Write seconds, rounded to nanoseconds; zero is written too."""
    whole = int(seconds)
    nanos = round((seconds - whole) * _NANOS)
    if abs(nanos) == _NANOS:
        whole, nanos = whole + nanos // _NANOS, 0
    into.SetInParent()
    into.seconds = whole
    into.nanos = nanos


def decode_duration(duration: Duration) -> float:
    """Seconds, as near as a float can be."""
    return (duration.seconds * _NANOS + duration.nanos) / _NANOS
