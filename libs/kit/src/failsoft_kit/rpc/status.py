"""Errors on the wire: `FailsoftError` to `google.rpc.Status` and back.

Every status carries an ErrorInfo of domain `failsoft`; a retry hint is a RetryInfo, what is
wrong with which field a BadRequest, the request's id a RequestInfo. Together they stay small
enough for the 8 KiB of metadata that a gRPC peer accepts: what comes last is left out first.
A service's own details come last, and are told how much room there is for them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from failsoft_model.errors import Code, FailsoftError, FieldViolation

DOMAIN = "failsoft"
DETAILS_METADATA = "grpc-status-details-bin"

_STATUS_BYTES = 4864
"""With base64 (4/3) and the percent-encoded message beside it this stays below 8 KiB."""
_FIELD_OVERHEAD = 4
_PACKING_BYTES = 128
"""What the name of a detail's type and its lengths take."""
_MESSAGE_BYTES = 512
_METADATA_BYTES = 1024
_BAD_REQUEST_BYTES = 2560
_TEXT_CHARACTERS = 160


class ErrorDetails(Protocol):
    """Says about an error what callers who know the service can read."""

    def __call__(self, error: FailsoftError, *, room: int) -> Sequence[Message]:
        """The details; none for most errors.

        Args:
            room: Bytes that they may take together; what is longer is left out as a whole.
        """


def no_details(error: FailsoftError, *, room: int) -> Sequence[Message]:
    """Nothing besides what every error's status carries."""
    return ()


class RemoteError(Exception):
    """What a peer answered instead of a reply.

    A value as much as an exception: adapters look at it, clients may raise it.

    `reason` is "" if the peer gave none, as when no peer was reached at all.
    `retry_after` is in seconds, None without a hint. `details` are the details of the
    status that are not kit's own, for whoever knows their type.
    """

    def __init__(
        self,
        *,
        code: Code,
        reason: str,
        message: str,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        request_id: str = "",
        details: Sequence[any_pb2.Any] = (),
    ) -> None:
        super().__init__(f"{reason or code.name}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.metadata: dict[str, str] = dict(metadata or {})
        self.violations = tuple(violations)
        self.request_id = request_id
        self.details = tuple(details)


def grpc_code(code: Code) -> grpc.StatusCode:
    """The same code as grpc spells it."""
    return _GRPC_CODES[code]


def to_status(
    error: FailsoftError, *, request_id: str = "", details: ErrorDetails = no_details
) -> status_pb2.Status:
    """What a caller is told about an error.

    Args:
        request_id: The id to quote in a report; "": none.
        details: Gives more for callers who know its types.
    """
    code: int = grpc_code(error.code).value[0]
    status = status_pb2.Status(code=code, message=_shorten(error.message))
    for detail in _standard_details(error, request_id):
        _add(status, detail)
    for detail in details(error, room=_room(status) - _PACKING_BYTES):
        _add(status, detail)
    return status


def trailing_metadata(status: status_pb2.Status) -> tuple[tuple[str, bytes], ...]:
    """How a status travels beside gRPC's own code and message."""
    return ((DETAILS_METADATA, status.SerializeToString()),)


def from_rpc_error(error: grpc.aio.AioRpcError) -> RemoteError:
    """Read what a call ended with; details that cannot be read count as absent."""
    code = Code.__members__.get(error.code().name, Code.UNKNOWN)
    remote = RemoteError(code=code, reason="", message=error.details() or "")
    for detail in _details(error):
        _take(remote, detail)
    return remote


def _add(status: status_pb2.Status, detail: Message) -> None:
    """Add a detail if there is room for it."""
    packed = any_pb2.Any()
    packed.Pack(detail)
    if packed.ByteSize() + _FIELD_OVERHEAD <= _room(status):
        status.details.append(packed)


def _room(status: status_pb2.Status) -> int:
    """Bytes that are left."""
    return _STATUS_BYTES - int(status.ByteSize())


def _standard_details(error: FailsoftError, request_id: str) -> Iterator[Message]:
    yield _error_info(error)
    if error.retry_after is not None:
        yield error_details_pb2.RetryInfo(retry_delay=_duration(error.retry_after))
    if request_id:
        yield error_details_pb2.RequestInfo(request_id=request_id)
    if error.violations:
        yield _bad_request(error.violations)


def _error_info(error: FailsoftError) -> error_details_pb2.ErrorInfo:
    """The reason, and as many facts as there is room for."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    for key, value in error.metadata.items():
        fact = _whole(value)
        if len(key) + len(fact.encode()) + info.ByteSize() <= _METADATA_BYTES:
            info.metadata[key] = fact
    return info


def _bad_request(violations: Sequence[FieldViolation]) -> error_details_pb2.BadRequest:
    """As many violations as there is room for."""
    request = error_details_pb2.BadRequest()
    for violation in violations:
        request.field_violations.add(
            field=_whole(violation.field[:_TEXT_CHARACTERS]),
            description=_whole(violation.description[:_TEXT_CHARACTERS]),
        )
        if request.ByteSize() > _BAD_REQUEST_BYTES:
            del request.field_violations[-1]
            break
    return request


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(max(0, round(seconds * 1000)))
    return duration


def _shorten(message: str) -> str:
    encoded = message.encode("utf-8", "replace")
    if len(encoded) <= _MESSAGE_BYTES:
        return encoded.decode()
    return encoded[: _MESSAGE_BYTES - 3].decode("utf-8", "ignore") + "..."


def _whole(text: str) -> str:
    """The same, with ? for half of a surrogate pair: a message holds whole characters alone."""
    return text.encode("utf-8", "replace").decode()


def _details(error: grpc.aio.AioRpcError) -> Sequence[any_pb2.Any]:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_METADATA and isinstance(value, bytes):
            try:
                return tuple(status_pb2.Status.FromString(value).details)
            except DecodeError:
                return ()
    return ()


def _take(remote: RemoteError, detail: any_pb2.Any) -> None:
    """Add what one detail says."""
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    bad_request = error_details_pb2.BadRequest()
    request = error_details_pb2.RequestInfo()
    if detail.Unpack(info):
        remote.reason = info.reason
        remote.metadata = dict(info.metadata)
    elif detail.Unpack(retry):
        remote.retry_after = retry.retry_delay.ToMilliseconds() / 1000
    elif detail.Unpack(request):
        remote.request_id = request.request_id
    elif detail.Unpack(bad_request):
        remote.violations = tuple(
            FieldViolation(field=violation.field, description=violation.description)
            for violation in bad_request.field_violations
        )
    else:
        remote.details = (*remote.details, detail)


_GRPC_CODES = {code: grpc.StatusCode[code.name] for code in Code}
