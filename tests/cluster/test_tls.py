"""Services call each other by mutual TLS, and certificates are exchanged under streams."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from certificates import Issued, TestAuthority
from on_cluster.callers import Callers, neighbours_of
from on_cluster.load import nothing_was_lost
from on_cluster.release import CHART, COMPONENTS, Release, image_options, new_release
from on_cluster.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(600)]

VALUES = (CHART / "values-minimal.yaml", Path(__file__).with_name("tls-values.yaml"))
FILE = "/etc/failsoft/tls/tls.crt"
THERE_SECONDS = 120.0
"""The kubelet looks at Secrets once a minute, and a half."""
IN_USE_SECONDS = 20.0


class Secrets:
    """The Secrets that tls-values.yaml names, all by one authority."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._authority = TestAuthority()

    def put(self) -> Mapping[str, Issued]:
        """A new certificate for everybody; those of the components by their names."""
        issued = {
            "router": self._authority.issue(*self._names("router"), for_clients_only=True),
            "cache": self._authority.issue(*self._names("cache")),
            "local-llm": self._authority.issue(*self._names("local-llm")),
        }
        for component, pair in issued.items():
            self._put(component, pair, key=pair.key)
        front = self._authority.issue("failsoft-router")
        self._put("front", front, key=front.key)
        return issued

    def spoil(self, component: str) -> Issued:
        """Give one a certificate whose key it has not got."""
        issued = self._authority.issue(*self._names(component))
        self._put(component, issued, key=self._authority.issue("another.test").key)
        return issued

    def _names(self, component: str) -> Sequence[str]:
        service = f"failsoft-{component}"
        return service, f"{service}.{self._release.namespace.name}.svc"

    def _put(self, name: str, issued: Issued, *, key: bytes) -> None:
        data = {"tls.crt": issued.certificate, "tls.key": key, "ca.crt": self._authority.pem}
        self._release.namespace.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": f"tls-{name}"},
                "stringData": {file: content.decode() for file, content in data.items()},
            }
        )


@pytest.fixture(scope="module")
def made(cluster: None) -> Iterator[tuple[Release, Secrets]]:
    """A release of its own, which is up."""
    values = (f"--values={file}" for file in VALUES)
    with new_release((*values, *image_options())) as release:
        secrets = Secrets(release)
        secrets.put()
        release.install()
        yield release, secrets


@pytest.fixture(scope="module")
def callers(made: tuple[Release, Secrets]) -> Iterator[Callers]:
    with neighbours_of(made[0]) as neighbours:
        yield neighbours


def test_a_question_goes_by_tls_from_the_caller_to_the_model(
    made: tuple[Release, Secrets],
) -> None:
    """The chart's own test asks over gRPC, by the certificate of the front door."""
    assert "gRPC: answered by local-llama" in made[0].test()


def test_the_cache_lets_nobody_in_without_a_certificate(made: tuple[Release, Secrets]) -> None:
    """Asked from the router's own pod, which every network policy lets through."""
    release, _ = made
    assert asked(release, "plain") == "UNAVAILABLE"
    assert asked(release, "tls") == "UNAVAILABLE"
    assert asked(release, "mutual") == "SERVING"


def test_certificates_are_exchanged_under_streams_and_none_is_lost(
    made: tuple[Release, Secrets], callers: Callers
) -> None:
    release, secrets = made
    load = callers.start_load(http=2)

    fresh = secrets.put()
    there = eventually(lambda: all_have(release, fresh), within=THERE_SECONDS)
    shown = fresh["cache"].certificate.decode()
    in_use = eventually(lambda: asked(release, "shown") == shown.strip(), within=IN_USE_SECONDS)

    print(f"\n  in every pod after {there:.0f} s, in use {in_use:.0f} s later")  # noqa: T201
    nothing_was_lost(load.stop())
    assert "gRPC: answered by local-llama" in release.test()
    assert [release.restarts(component) for component in COMPONENTS] == [0, 0, 0]


def test_a_pair_that_does_not_fit_leaves_the_old_one_in_use(
    made: tuple[Release, Secrets],
) -> None:
    release, secrets = made
    before = asked(release, "shown")

    bad = secrets.spoil("cache")
    eventually(lambda: all_have(release, {"cache": bad}), within=THERE_SECONDS)

    assert asked(release, "mutual") == "SERVING"
    assert asked(release, "shown") == before
    secrets.put()


def all_have(release: Release, issued: Mapping[str, Issued]) -> bool:
    """Whether the kubelet has given every pod its new certificate."""
    return all(
        release.read(pod, FILE).strip() == pair.certificate.decode().strip()
        for component, pair in issued.items()
        for pod in release.pods(component)
    )


def asked(release: Release, how: str) -> str:
    """What a connection of the router's pod to the cache comes to; see `_ASK`."""
    router = release.pods("router")[0]["metadata"]["name"]
    said = release.namespace.kubectl("exec", router, "--", "python", "-c", _ASK, how)
    return said.strip()


_ASK = """\
import socket, ssl, sys
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

how = sys.argv[1]
files = [f"/etc/failsoft/tls/{name}" for name in ("ca.crt", "tls.key", "tls.crt")]
address = ("failsoft-cache", 50052)


def shown():
    context = ssl.create_default_context(cafile=files[0])
    context.load_cert_chain(files[2], files[1])
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(address, 10) as plain:
        with context.wrap_socket(plain, server_hostname=address[0]) as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))


def health():
    authority, key, certificate = (open(file, "rb").read() for file in files)
    own = (key, certificate) if how == "mutual" else ()
    target = ":".join(map(str, address))
    if how == "plain":
        channel = grpc.insecure_channel(target)
    else:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(authority, *own))
    try:
        stub = health_pb2_grpc.HealthStub(channel)
        said = stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    except grpc.RpcError as error:
        return error.code().name
    return health_pb2.HealthCheckResponse.ServingStatus.Name(said.status)


print(shown() if how == "shown" else health())
"""
