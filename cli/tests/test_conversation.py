"""How an answer and its failure are shown."""

import io
import sys

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2
from rich.console import Console

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import walk_pb2
from failsoft_cli.conversation import Teller, complain
from failsoft_client import FailsoftRpcError


@pytest.fixture
def out() -> Console:
    return Console(file=io.StringIO(), width=100, markup=False, highlight=False)


def written(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def delta(text: str) -> pb.StreamGenerateResponse:
    return pb.StreamGenerateResponse(delta=pb.Delta(text=text))


def packed(detail: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> Any:
    any_detail = Any()
    any_detail.Pack(detail)
    return any_detail


def test_pieces_are_shown_as_they_come(out: Console) -> None:
    teller = Teller(out)

    for text in ("The capital", " is ", "Rome."):
        teller.take(delta(text))

    assert written(out) == "The capital is Rome."
    assert teller.pieces == 3


def test_the_line_after_the_answer_is_a_new_one(out: Console) -> None:
    teller = Teller(out)
    teller.take(delta("Rome."))

    teller.end()
    teller.end()

    assert written(out) == "Rome.\n"


def test_a_reset_is_visible(out: Console) -> None:
    """The reader has seen words that are void now."""
    teller = Teller(out)
    teller.take(delta("Once upon"))
    reset = pb.StreamReset(reason=walk_pb2.ERROR_CLASS_STALL)

    teller.take(pb.StreamGenerateResponse(stream_reset=reset))
    teller.take(delta("Rome."))

    assert written(out).splitlines() == [
        "Once upon",
        "[the answer so far is void (stall); another target starts it again]",
        "Rome.",
    ]


def test_nobody_at_the_address_leads_to_the_next_step(
    out: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/failsoft", "chat"])
    error = FailsoftRpcError(code=grpc.StatusCode.UNAVAILABLE, message="connection refused")

    complain(error, address="127.0.0.1:1", err=out)

    assert written(out) == (
        "127.0.0.1:1 cannot be reached: start Failsoft with `.venv/bin/failsoft up`\n"
    )


def test_another_port_of_failsoft_leads_to_the_right_one(out: Console) -> None:
    error = FailsoftRpcError(code=grpc.StatusCode.UNIMPLEMENTED, message="Method not found!")

    complain(error, address="127.0.0.1:50060", err=out)

    assert written(out) == (
        "127.0.0.1:50060 does not take such calls: questions go to the router, usually at"
        " 127.0.0.1:50050, and an operator's calls to its admin port, usually at 127.0.0.1:50060\n"
    )


def test_a_port_that_speaks_http_leads_to_the_right_one(out: Console) -> None:
    error = FailsoftRpcError(
        code=grpc.StatusCode.UNAVAILABLE,
        message="failed to connect to all addresses; last error: UNAVAILABLE: Failed parsing HTTP/2"
        " (Expected SETTINGS frame as the first frame, got frame type 79)",
    )

    complain(error, address="127.0.0.1:50080", err=out)

    assert written(out).startswith("127.0.0.1:50080 does not take such calls: questions go to")


def test_a_wrong_request_names_its_fields(out: Console) -> None:
    wrong = error_details_pb2.BadRequest.FieldViolation(
        field="chat.model", description="is longer than 256 characters"
    )
    error = FailsoftRpcError(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        message="the request is invalid",
        details=[packed(error_details_pb2.BadRequest(field_violations=[wrong]))],
    )

    complain(error, address="", err=out)

    assert written(out) == "chat.model: is longer than 256 characters\n"


@pytest.mark.parametrize(
    ("address", "where"),
    [("127.0.0.1:50050", ""), ("127.0.0.1:52050", " --address ADMIN --data FOLDER")],
)
def test_an_exhausted_route_shows_who_was_tried_and_where_to_ask_why(
    out: Console, monkeypatch: pytest.MonkeyPatch, address: str, where: str
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/failsoft", "chat"])
    hop = walk_pb2.Hop(
        position=1,
        target="cloud",
        outcome=walk_pb2.HOP_OUTCOME_FAILED,
        error_class=walk_pb2.ERROR_CLASS_TRANSIENT,
    )
    walk = Any()
    walk.Pack(walk_pb2.WalkFailure(hops=[hop], walk_id="8f2c"))
    reason = packed(error_details_pb2.ErrorInfo(reason="ROUTE_EXHAUSTED", domain="failsoft"))
    error = FailsoftRpcError(
        code=grpc.StatusCode.UNAVAILABLE, message="nobody answered", details=[reason, walk]
    )

    complain(error, address=address, err=out)

    assert "ROUTE_EXHAUSTED: nobody answered" in written(out)
    assert "cloud" in written(out)
    assert written(out).splitlines()[-1].endswith(f"failsoft explain 8f2c{where}")
