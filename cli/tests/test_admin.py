"""What an operator asks of a router, over a real connection."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import grpc
import pytest

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2_grpc as pb_grpc
from failsoft_cli import admin
from failsoft_cli.admin import connected

pytestmark = pytest.mark.integration


class Router(pb_grpc.RouterAdminServiceServicer):
    """A router that checks `well`, cannot check `odd`, and never ends with `slow`."""

    def __init__(self) -> None:
        self.over = Event()

    def CheckTarget(  # noqa: N802 - the name is the contract's
        self, request: pb.CheckTargetRequest, context: grpc.ServicerContext
    ) -> pb.CheckTargetResponse:
        match request.target:
            case "odd":
                context.abort(grpc.StatusCode.INTERNAL, "an error of ours")
            case "slow":
                self.over.wait(30.0)
        return pb.CheckTargetResponse(result=pb.CHECK_RESULT_OK)


@pytest.fixture
def address() -> Iterator[str]:
    router = Router()  # type: ignore[abstract] # nobody asks for the rest
    server = grpc.server(ThreadPoolExecutor(4))
    pb_grpc.add_RouterAdminServiceServicer_to_server(router, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    router.over.set()
    server.stop(None).wait()


def test_one_check_that_fails_or_hangs_does_not_hide_the_others(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All results were lost."""
    monkeypatch.setattr(admin, "_CHECK_SECONDS", 1.5)
    names = ("odd", "well", "slow")

    with connected(address, token_file=tmp_path / "none") as router:
        checks = router.check([pb.Target(name=name) for name in names])

    assert [(check.result, check.detail) for check in checks] == [
        (pb.CHECK_RESULT_FAILED, "the check itself failed: an error of ours"),
        (pb.CHECK_RESULT_OK, ""),
        (pb.CHECK_RESULT_FAILED, "there was no result within 1.5 s"),
    ]
