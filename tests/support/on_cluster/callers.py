"""Pods of ours in a namespace beside the release: they call it, or are called by it.

All of them are the router's image with our Python in a zip of a ConfigMap.
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from on_cluster.kubectl import Manifest, Namespace
from on_cluster.load import Load
from on_cluster.release import Release

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = (ROOT / "libs/upstream/src/failsoft_upstream", ROOT / "tests/support/in_pods")
LABELS = {"failsoft-test": "callers"}
"""Of the namespace: the release's network policy lets routers call pods in it."""

READY_SECONDS = 120
LOOKALIKE, CALLER = "lookalike", "caller"
LOOKALIKE_PORT = 50070


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a caller in the cluster was told; see `in_pods.ask`.

    Attributes:
        error: Empty: it was answered.
        hops: Target, outcome, and why.
    """

    text: str = ""
    served_by: str = ""
    degradation: str = ""
    hops: Sequence[Sequence[str]] = ()
    trace_id: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """The namespace of our pods, and what they call.

    Attributes:
        release: Name of the namespace that Failsoft is in.
        image: The router's.
    """

    namespace: Namespace
    release: str
    image: str

    def start(self, key: str) -> None:
        """Have a caller and a look-alike of a provider, both ready.

        Args:
            key: That callers show.
        """
        self.namespace.apply(
            {**_named("Secret", "key"), "stringData": {"key": key}},
            {**_named("ConfigMap", "python"), "binaryData": {"python.zip": _zipped()}},
            self._pod(CALLER, "-c", "import signal; signal.pause()"),
        )
        # As many words as are asked for, ten in a second.
        self.start_provider(LOOKALIKE, "--chunks", "200", "--chunk-delay", "0.1")
        self._wait("--for=condition=Ready", CALLER)

    def start_provider(self, name: str, *options: str) -> None:
        """Have a look-alike of a provider, ready, at a Service of that name.

        Args:
            options: Of `python -m failsoft_upstream`.
        """
        pod = self._pod(name, "-m", "failsoft_upstream", "--host", "0.0.0.0", *options)  # noqa: S104
        listens = {"tcpSocket": {"port": LOOKALIKE_PORT}}
        self.namespace.apply(_ready_when(pod, listens), _service(name, LOOKALIKE_PORT))
        self._wait("--for=condition=Ready", name)

    def ask(self, door: str, route: str, *words: str) -> Answer:
        """Ask once, over `grpc` or `openai`."""
        said = self.python(CALLER, "-m", "in_pods.ask", door, route, *words)
        return Answer(**json.loads(said))

    def python(self, pod: str, *words: str) -> str:
        """What Python prints in that pod."""
        return self.namespace.kubectl("exec", pod, "--", "python", *words)

    def let_provider_fail(self, fault: str) -> None:
        """As the look-alike's short form has it: `status=500`, `hang`."""
        self._control("PUT", fault)

    def heal_provider(self) -> None:
        self._control("DELETE", "")

    def health(self) -> dict[str, Any]:
        """What one of the routers tells of everything."""
        said: dict[str, Any] = json.loads(self.python(CALLER, "-m", "in_pods.health"))
        return said

    def start_load(self, **wanted: int) -> Load:
        """Have streams all the time, until it is stopped or the seconds are over.

        Returns when each kind has had one.

        Args:
            wanted: So many of each kind at once, as `in_pods.load` names them; `seconds`.
        """
        words = [word for name, value in wanted.items() for word in (f"--{name}", str(value))]
        self.namespace.kubectl("delete", "pod", Load.POD, "--ignore-not-found")
        pod = self._pod(Load.POD, "-m", "in_pods.load", *words)
        flows = {"exec": {"command": ["test", "-e", "/tmp/flowing"]}}  # noqa: S108 - of the pod
        self.namespace.apply(_ready_when(pod, flows))
        self._wait("--for=condition=Ready", Load.POD)
        return Load(namespace=self.namespace)

    def _control(self, method: str, body: str) -> None:
        """Its control API answers loopback only, so it is called from within its pod."""
        self.python(LOOKALIKE, "-c", _CONTROL, method, body)

    def _wait(self, what: str, *pods: str) -> None:
        names = [f"pod/{name}" for name in pods]
        self.namespace.kubectl("wait", what, f"--timeout={READY_SECONDS}s", *names)

    def _pod(self, name: str, *python: str) -> Manifest:
        container = {
            "name": "python",
            "image": self.image,
            "command": ["python", *python],
            "env": [
                {"name": "PYTHONPATH", "value": "/python/python.zip"},
                {"name": "ROUTER", "value": f"failsoft-router.{self.release}"},
                {"name": "HEADLESS", "value": f"failsoft-router-headless.{self.release}"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "key"}}},
            ],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "python", "mountPath": "/python"},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - of the pod
            ],
        }
        return {
            **_named("Pod", name),
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 10001,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
                "volumes": [
                    {"name": "python", "configMap": {"name": "python"}},
                    {"name": "tmp", "emptyDir": {}},
                ],
            },
        }


_CONTROL = """\
import sys, urllib.request
url = "http://127.0.0.1:50070/control/fault"
method, body = sys.argv[1:]
urllib.request.urlopen(urllib.request.Request(url, data=body.encode(), method=method), timeout=10)
"""


@contextmanager
def neighbours_of(release: Release) -> Iterator[Callers]:
    """Who calls an installed release, and a provider that it calls; gone when the block ends."""
    callers = Callers(
        namespace=Namespace(name=f"{release.namespace.name}-callers"),
        release=release.namespace.name,
        image=release.image("router"),
    )
    callers.namespace.create(LABELS)
    try:
        callers.start(release.key)
        yield callers
    finally:
        callers.namespace.delete()


def _named(kind: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": name}},
    }


def _ready_when(pod: Manifest, probe: Manifest) -> Manifest:
    """The pod with a probe that looks every second."""
    (container,) = pod["spec"]["containers"]
    container = {**container, "readinessProbe": {**probe, "periodSeconds": 1}}
    return {**pod, "spec": {**pod["spec"], "containers": [container]}}


def _service(name: str, port: int) -> Manifest:
    return {
        **_named("Service", name),
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "protocol": "TCP"}]},
    }


def _zipped() -> str:
    """Our packages as a zip that Python imports from, in base 64."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in PACKAGES:
            for file in sorted(package.rglob("*.py")):
                archive.write(file, file.relative_to(package.parent))
    return base64.b64encode(content.getvalue()).decode()
