"""What a call ended with instead of a reply."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from failsoft.inference.v1 import walk_pb2

_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with one field of the request."""

    field: str
    """The field's path, such as `chat.messages[2].parts[0].text`."""
    description: str


@dataclass(slots=True)
class _Details:
    """What the details of a status say, as far as they are known."""

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    request_id: str = ""
    violations: tuple[Violation, ...] = ()
    walk: walk_pb2.WalkFailure | None = None


class FailsoftRpcError(Exception):
    """A call failed.

    Attributes:
        code: gRPC's code; what kind of failure it is.
        reason: Failsoft's word for it, such as "ROUTE_EXHAUSTED"; empty when the answer did
            not come from Failsoft, as when nobody was reached.
        message: For the developer who reads it.
        retry_after: Seconds before another try can succeed; None: nothing is known.
        violations: What is wrong with which field, for INVALID_ARGUMENT.
        metadata: Further facts.
        request_id: The id to quote in a report; empty when none was given.
        walk: Why the walk ended with nothing; None for other failures.
    """

    def __init__(self, *, code: grpc.StatusCode, message: str, details: Iterable[Any] = ()) -> None:
        read = _read(details)
        super().__init__(f"{read.reason or code.name}: {message}")
        self.code = code
        self.message = message
        self.reason = read.reason
        self.retry_after = read.retry_after
        self.violations = read.violations
        self.metadata = read.metadata
        self.request_id = read.request_id
        self.walk = read.walk

    @property
    def hops(self) -> tuple[walk_pb2.Hop, ...]:
        """Who was tried and skipped; empty when there was no walk."""
        return () if self.walk is None else tuple(self.walk.hops)


def failure(error: grpc.RpcError) -> FailsoftRpcError:
    """What an RpcError says, of threads or of asyncio alike."""
    if not isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        return FailsoftRpcError(code=grpc.StatusCode.UNKNOWN, message=str(error))
    code: grpc.StatusCode = error.code()
    return FailsoftRpcError(code=code, message=error.details() or "", details=_details(error))


def _details(error: grpc.Call | grpc.aio.AioRpcError) -> tuple[Any, ...]:
    """The status's details; none where they are absent or cannot be read."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return tuple(status_pb2.Status.FromString(value).details)
            except DecodeError:
                return ()
    return ()


def _read(details: Iterable[Any]) -> _Details:
    read = _Details()
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    bad_request = error_details_pb2.BadRequest()
    request = error_details_pb2.RequestInfo()
    walk = walk_pb2.WalkFailure()
    for detail in details:
        if detail.Unpack(info):
            read.reason, read.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            read.retry_after = retry.retry_delay.ToNanoseconds() / 1e9
        elif detail.Unpack(request):
            read.request_id = request.request_id
        elif detail.Unpack(walk):
            read.walk = walk
        elif detail.Unpack(bad_request):
            read.violations = tuple(
                [
                    Violation(wrong.field, wrong.description)
                    for wrong in bad_request.field_violations
                ]
            )
    return read
