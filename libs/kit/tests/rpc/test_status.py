"""What a caller learns of an error survives the wire, and always fits."""

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.status_pb2 import Status

from failsoft_kit.rpc.status import (
    DETAILS_METADATA,
    RemoteError,
    from_rpc_error,
    grpc_code,
    to_status,
    trailing_metadata,
)
from failsoft_model.errors import Code, FailsoftError, FieldViolation, InvalidRequest, Overloaded


def received(status: Status) -> RemoteError:
    """What a peer reads out of a status that it was sent."""
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    metadata = grpc.aio.Metadata(*trailing_metadata(status))
    return from_rpc_error(
        grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details=status.message)
    )


@pytest.mark.parametrize("code", Code)
def test_every_code_has_its_grpc_name(code: Code) -> None:
    assert grpc_code(code).name == code.name


def test_an_error_comes_back_as_it_was() -> None:
    error = Overloaded("try later", retry_after=1.25, metadata={"queueLength": "7"})
    remote = received(to_status(error, request_id="r-1"))
    assert remote.code is Code.RESOURCE_EXHAUSTED
    assert remote.reason == "OVERLOADED"
    assert remote.message == "try later"
    assert remote.retry_after == 1.25
    assert remote.metadata == {"queueLength": "7"}
    assert remote.request_id == "r-1"
    assert remote.violations == ()


def test_violations_come_back_in_order() -> None:
    violations = (
        FieldViolation(field="messages[0].parts", description="must not be empty"),
        FieldViolation(field="sampling.temperature", description="must be from 0 to 2"),
    )
    assert (
        received(to_status(InvalidRequest("two", violations=violations))).violations == violations
    )


def test_no_hint_is_not_a_hint_of_zero() -> None:
    assert received(to_status(Overloaded("full"))).retry_after is None
    assert received(to_status(Overloaded("full", retry_after=0.0))).retry_after == 0.0


def test_details_of_a_service_reach_who_knows_them() -> None:
    remote = received(to_status(Overloaded("full"), details=[StringValue(value="mine")]))
    (detail,) = remote.details
    mine = StringValue()
    assert detail.Unpack(mine)
    assert mine.value == "mine"


def test_an_error_of_any_size_fits_into_the_metadata() -> None:
    """A peer that is sent more than 8 KiB drops the whole status, reason included."""
    error = InvalidRequest(
        "ü" * 100_000,
        retry_after=1.0,
        metadata={f"key{number}": "v" * 10_000 for number in range(100)},
        violations=[FieldViolation(field="f" * 5000, description="d" * 5000)] * 1000,
    )
    status = to_status(error, request_id="r-1", details=[StringValue(value="x" * 10_000)])
    encoded = len(status.SerializeToString()) * 4 / 3 + 3 * len(status.message.encode())
    assert encoded < 8192
    remote = received(status)
    assert remote.reason == "INVALID_REQUEST"
    assert remote.retry_after == 1.0
    assert remote.request_id == "r-1"
    assert len(remote.violations) >= 5


def test_a_service_s_own_detail_of_four_kilobytes_fits() -> None:
    error = FailsoftError("exhausted", retry_after=2.0, metadata={"cause": "transient"})
    remote = received(to_status(error, request_id="r", details=[StringValue(value="x" * 4096)]))
    assert len(remote.details) == 1


@pytest.mark.parametrize("details", [b"", b"\xff\xff", b"no status"])
def test_a_peer_that_speaks_otherwise_is_still_understood(details: bytes) -> None:
    metadata = grpc.aio.Metadata((DETAILS_METADATA, details))
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), metadata, details="connection refused"
    )
    remote = from_rpc_error(error)
    assert remote.code is Code.UNAVAILABLE
    assert remote.reason == ""
    assert remote.message == "connection refused"
    assert remote.retry_after is None


def test_a_call_without_metadata_is_understood() -> None:
    """As when no connection was ever made."""
    assert from_rpc_error(grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE)).message == ""
