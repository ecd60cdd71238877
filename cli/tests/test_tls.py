"""An operator asks a router by TLS, also one behind a tunnel, whose name is not its address."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from certificates import TestAuthority

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2_grpc as pb_grpc
from failsoft_cli.__main__ import main
from failsoft_cli.supervisor.data_dir import DataDir

pytestmark = pytest.mark.integration

AUTHORITY = TestAuthority()
TOKEN = "t" * 32


class Router(pb_grpc.RouterAdminServiceServicer):
    """Reloads, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def ReloadPolicy(  # noqa: N802 - the name is the contract's
        self, request: pb.ReloadPolicyRequest, context: grpc.ServicerContext
    ) -> pb.ReloadPolicyResponse:
        self.shown.append(dict(context.invocation_metadata()).get("authorization"))
        return pb.ReloadPolicyResponse()


@pytest.fixture
def router() -> Router:
    return Router()  # type: ignore[abstract] # nobody asks for the rest


@pytest.fixture
def address(router: Router) -> Iterator[str]:
    issued = AUTHORITY.issue("router.test")
    server = grpc.server(ThreadPoolExecutor(2))
    pb_grpc.add_RouterAdminServiceServicer_to_server(router, server)
    credentials = grpc.ssl_server_credentials([(issued.key, issued.certificate)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def reload(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> "Reload":
    token = DataDir(tmp_path).service_token
    token.parent.mkdir(parents=True)
    token.write_text(TOKEN)
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.pem)
    where = ("--address", address, "--data", str(tmp_path))
    return Reload(monkeypatch, where, ca_file=str(tmp_path / "ca.crt"))


class Reload:
    """Runs `failsoft reload` in this process; gives its exit code."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, where: tuple[str, ...], *, ca_file: str
    ) -> None:
        self._monkeypatch = monkeypatch
        self._where = where
        self.ca_file = ca_file

    def __call__(self, *options: str) -> int:
        self._monkeypatch.setattr("sys.argv", ["failsoft", "reload", *self._where, *options])
        return main()


def test_a_router_is_asked_by_the_name_of_its_certificate(reload: Reload, router: Router) -> None:
    assert reload("--ca-file", reload.ca_file, "--server-name", "router.test") == 0
    assert router.shown == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("name", [(), ("--server-name", "another.test")])
def test_any_other_router_is_shown_nothing(
    reload: Reload, router: Router, name: tuple[str, ...]
) -> None:
    assert reload("--ca-file", reload.ca_file, *name) == 1
    assert router.shown == []


def test_a_name_without_an_authority_is_wrong_usage(
    reload: Reload, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reload("--server-name", "router.test") == 2
    assert "--ca-file" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_who_is_not_trusted_is_not_told_to_be_away(
    reload: Reload, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    """It was "cannot be reached: start Failsoft", whatever was wrong with the certificate."""
    if wrong == "authority":
        Path(reload.ca_file).write_bytes(TestAuthority().pem)
    name = "another.test" if wrong == "name" else "router.test"

    assert reload("--ca-file", reload.ca_file, "--server-name", name) == 1

    told = " ".join(capsys.readouterr().err.split())
    assert "no TLS with" in told
    assert "--ca-file and --server-name" in told


def test_a_router_with_tls_is_named_to_who_asks_in_the_clear(
    reload: Reload, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reload() == 1
    assert "give --ca-file" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("content", [b"", b"no PEM"])
def test_a_file_without_an_authority_is_wrong_usage(
    reload: Reload, router: Router, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """A Secret without `ca.crt` gave an empty file, and every public authority was trusted."""
    Path(reload.ca_file).write_bytes(content)

    assert reload("--ca-file", reload.ca_file, "--server-name", "router.test") == 2
    assert "no certificate" in capsys.readouterr().err
    assert router.shown == []
