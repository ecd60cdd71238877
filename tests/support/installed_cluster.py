"""A cluster's API server as Helm looks into it while it renders: discovery, and some objects."""

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KINDS = {
    "v1": ["ConfigMap", "Secret", "Service", "ServiceAccount"],
    "apps/v1": ["Deployment", "StatefulSet"],
    "batch/v1": ["Job"],
    "discovery.k8s.io/v1": ["EndpointSlice"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
    "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"],
}
SECRETS = "/api/v1/namespaces/failsoft/secrets/"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/"


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
    """A Kubernetes that has the given objects."""

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

    def has_api_server_at(self, service: str, *behind: str) -> None:
        """Where the API server is: its Service's address, and those that this leads to."""
        self.objects["/api/v1/namespaces/default/services/kubernetes"] = {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "spec": {"clusterIPs": [service], "ports": [{"name": "https", "port": 443}]},
        }
        self.objects[f"{SLICES}kubernetes"] = {
            "kind": "EndpointSlice",
            "apiVersion": "discovery.k8s.io/v1",
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]} for address in behind],
            "ports": [{"name": "https", "port": 6443}],
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
