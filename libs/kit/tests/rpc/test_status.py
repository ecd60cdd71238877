"""What a caller learns of an error survives the wire, and always fits."""

from collections.abc import Sequence

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.status_pb2 import Status

from failsoft.inference.v1 import walk_pb2
from failsoft_kit.rpc.status import (
    DETAILS_METADATA,
    ErrorDetails,
    RemoteError,
    from_rpc_error,
    grpc_code,
    to_status,
    trailing_metadata,
)
from failsoft_kit.wire.inference import encode_walk_failure
from failsoft_model.errors import Code, FailsoftError, FieldViolation, InvalidRequest, Overloaded
from failsoft_model.walk import Attempt, ErrorClass, Hop, HopOutcome, WalkFailure


def received(status: Status) -> RemoteError:
    """What a peer reads out of a status that it was sent."""
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    metadata = grpc.aio.Metadata(*trailing_metadata(status))
    return from_rpc_error(
        grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details=status.message)
    )


def saying(*values: str) -> ErrorDetails:
    """Details of a service that says these values of every error."""

    def details(error: FailsoftError, *, room: int) -> Sequence[Message]:
        return [StringValue(value=value) for value in values]

    return details


def failed_hop(position: int) -> Hop:
    attempt = Attempt(
        id=f"{'w' * 32}/{position}/1",
        model="m" * 64,
        error_class=ErrorClass.TRANSIENT,
        http_status=503,
        time_to_first_content=1.5,
        latency=2.5,
        usage=None,
    )
    return Hop(
        position=position,
        target="t" * 64,
        outcome=HopOutcome.FAILED,
        error_class=ErrorClass.TRANSIENT,
        detail="d" * 160,
        started=1.5,
        latency=2.5,
        attempts=(attempt, attempt),
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


def test_half_of_a_surrogate_pair_is_told_as_a_question_mark() -> None:
    """An error that quotes a caller's name for something is still that caller's error."""
    error = InvalidRequest(
        "no \ud800",
        violations=[FieldViolation(field="a\udfff", description="\ud83d")],
        metadata={"name": "\ud800b"},
    )

    remote = received(to_status(error))

    assert remote.code is Code.INVALID_ARGUMENT
    assert remote.message == "no ?"
    assert remote.violations == (FieldViolation(field="a?", description="?"),)
    assert remote.metadata == {"name": "?b"}


def test_no_hint_is_not_a_hint_of_zero() -> None:
    assert received(to_status(Overloaded("full"))).retry_after is None
    assert received(to_status(Overloaded("full", retry_after=0.0))).retry_after == 0.0


def test_details_of_a_service_reach_who_knows_them() -> None:
    remote = received(to_status(Overloaded("full"), details=saying("mine")))
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
    status = to_status(error, request_id="r-1", details=saying("x" * 10_000))
    encoded = len(status.SerializeToString()) * 4 / 3 + 3 * len(status.message.encode())
    assert encoded < 8192
    remote = received(status)
    assert remote.reason == "INVALID_REQUEST"
    assert remote.retry_after == 1.0
    assert remote.request_id == "r-1"
    assert len(remote.violations) >= 5


def test_all_hops_of_a_long_walk_arrive_however_much_else_there_is_to_say() -> None:
    """The hops are why the call failed; they were left out when the rest was long."""
    walk = WalkFailure(
        walk_id="w" * 32,
        route="r" * 64,
        trace_id="0" * 32,
        cause=ErrorClass.TRANSIENT,
        hops=tuple(failed_hop(position) for position in range(1, 15)),
    )

    def hops(error: FailsoftError, *, room: int) -> Sequence[Message]:
        return [encode_walk_failure(walk, room=room)]

    metadata = {f"key{number}": "v" * 100 for number in range(20)}
    error = FailsoftError("ü" * 1000, retry_after=1.0, metadata=metadata)
    status = to_status(error, request_id="r" * 128, details=hops)

    (detail,) = received(status).details
    told = walk_pb2.WalkFailure()
    assert detail.Unpack(told)
    assert [hop.position for hop in told.hops] == list(range(1, 15))
    assert told.hops[0].detail
    encoded = len(status.SerializeToString()) * 4 / 3 + 3 * len(status.message.encode())
    assert encoded < 8192


def test_a_service_learns_how_much_room_there_is_for_its_details() -> None:
    rooms: list[int] = []

    def filling(error: FailsoftError, *, room: int) -> Sequence[Message]:
        rooms.append(room)
        return [StringValue(value="x" * (room - 4))]

    for error in (FailsoftError("short"), FailsoftError("long" * 1000)):
        assert len(received(to_status(error, details=filling)).details) == 1
    assert rooms[0] > rooms[1] > 4000


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
