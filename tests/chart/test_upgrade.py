"""What the chart made once stays as it is when the chart is installed over itself.

Helm looks into a cluster for that. Here it looks into an API server of our own that has
nothing but discovery and Secrets, because that is all that the chart asks for.
"""

import base64
import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.chart

KINDS = {
    "v1": ["ConfigMap", "Secret", "Service", "ServiceAccount"],
    "apps/v1": ["Deployment", "StatefulSet"],
    "batch/v1": ["Job"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
    "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"],
}
SECRETS = "/api/v1/namespaces/failsoft/secrets/"


def resources(version: str) -> dict[str, object]:
    """The API server's answer to what kinds a version of its API has."""
    kinds = [
        {"name": f"{kind.lower()}s", "namespaced": True, "kind": kind, "verbs": ["get"]}
        for kind in KINDS[version]
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": kinds}


def group(version: str) -> dict[str, object]:
    """The API server's answer to what versions a group of its API has."""
    only = {"groupVersion": version, "version": "v1"}
    return {"name": version.removesuffix("/v1"), "versions": [only], "preferredVersion": only}


GROUPS = [version for version in KINDS if version != "v1"]
DISCOVERY: dict[str, dict[str, object]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [group(version) for version in GROUPS],
    },
    "/api/v1": resources("v1"),
    **{f"/apis/{version}": resources(version) for version in GROUPS},
}
NOT_FOUND = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}


class ApiServer(ThreadingHTTPServer):
    """A Kubernetes that somebody has installed the given Secrets in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.objects: dict[str, dict[str, object]] = dict(DISCOVERY)

    def has_secret(self, name: str, **data: str) -> None:
        """There is a Secret of this chart's release already."""
        self.objects[SECRETS + name] = {
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": {
                "name": name,
                "namespace": "failsoft",
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {
                    "meta.helm.sh/release-name": "failsoft",
                    "meta.helm.sh/release-namespace": "failsoft",
                },
            },
            "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
        }


class Request(BaseHTTPRequestHandler):
    """Answers with the object at the path, or that there is none."""

    server: ApiServer

    def do_GET(self) -> None:
        found = self.server.objects.get(self.path.partition("?")[0])
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(found or NOT_FOUND).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    with ApiServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def secrets(
    cluster: ApiServer,
    helm: Callable[..., CompletedProcess[str]],
    chart: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, Any]]:
    """What would be in each Secret after an upgrade, in clear text."""
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    monkeypatch.setenv("KUBECACHEDIR", str(tmp_path))

    def upgraded(*arguments: str) -> dict[str, Any]:
        made = helm(
            *("template", "failsoft", chart, "--namespace", "failsoft", "--is-upgrade"),
            *("--dry-run=server", "--disable-openapi-validation"),
            *("--kube-apiserver", f"http://127.0.0.1:{cluster.server_port}", *arguments),
        )
        assert made.returncode == 0, made.stderr
        return {
            manifest["metadata"]["name"]: {
                key: base64.b64decode(value).decode() for key, value in manifest["data"].items()
            }
            for manifest in yaml.safe_load_all(made.stdout)
            if manifest["kind"] == "Secret"
        }

    return upgraded


def test_an_upgrade_keeps_the_secrets_that_are_there(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """Another token would cut the services off from each other and from every caller."""
    cluster.has_secret("failsoft-service-token", token="t" * 64)
    cluster.has_secret("failsoft-cache-secret", **{"master-secret": "m" * 64})
    cluster.has_secret("failsoft-api-keys", **{"api-keys": "{}\n", "first-key": "fs_"})

    assert secrets() == {
        "failsoft-api-keys": {"api-keys": "{}\n", "first-key": "fs_"},
        "failsoft-service-token": {"token": "t" * 64},
        "failsoft-cache-secret": {"master-secret": "m" * 64},
    }


def test_an_upgrade_brings_no_first_key_back_that_was_taken_away(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """Who has read it takes it out of the Secret; keys that were added stay."""
    cluster.has_secret("failsoft-api-keys", **{"api-keys": "{}\n{}\n"})

    assert secrets()["failsoft-api-keys"] == {"api-keys": "{}\n{}\n"}


def test_the_charts_own_valkey_keeps_its_password(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """A running Valkey does not read its settings again, and the cache's address must fit."""
    cluster.has_secret("failsoft-valkey", password="p" * 64)

    made = secrets("--set", "valkey.own.enabled=true")["failsoft-valkey"]

    assert made == {
        "password": "p" * 64,
        "url": f"valkey://:{'p' * 64}@failsoft-valkey:6379/0",
        "valkey.conf": f"requirepass {'p' * 64}\n",
    }


def test_what_is_not_there_yet_is_made(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """Also where the Secret is there without its key, as after a change of `serviceToken.key`."""
    cluster.has_secret("failsoft-service-token", another="t" * 64)

    made = secrets()

    assert made["failsoft-api-keys"].keys() == {"api-keys", "first-key"}
    assert len(made["failsoft-service-token"]["token"]) == 64
    assert len(made["failsoft-cache-secret"]["master-secret"]) == 64
