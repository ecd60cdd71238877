"""Pods of ours in a namespace beside the release: they call it, or are called by it.

All of them are the router's image with our Python in a zip of a ConfigMap.
"""

import base64
import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from on_cluster.kubectl import Manifest, Namespace

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = (ROOT / "libs/upstream/src/failsoft_upstream", ROOT / "tests/support/in_pods")
LABELS = {"failsoft-test": "callers"}
"""Of the namespace: the release's network policy lets routers call pods in it."""

READY_SECONDS = 120
LOAD_SECONDS = 180
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
class Streams:
    """What became of the streams of one kind; see `in_pods.load`."""

    whole: int
    degraded: Mapping[str, int]
    longest: float
    lost: Sequence[tuple[float, str]]

    def told(self) -> str:
        """In words, for who looks on."""
        ways = Counter(what for _, what in self.lost)
        lost = "".join(f"\n    {count} times {what[:120]}" for what, count in ways.items())
        return f"{self.whole} whole, the longest {self.longest} s, {len(self.lost)} lost{lost}"


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
            self._pod(
                *(LOOKALIKE, "-m", "failsoft_upstream", "--host", "0.0.0.0"),  # noqa: S104
                *("--chunks", "20", "--chunk-delay", "0.1"),
            ),
            _service(LOOKALIKE, LOOKALIKE_PORT),
        )
        self._wait("--for=condition=Ready", CALLER, LOOKALIKE)

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

    def start_load(self, **wanted: int) -> "Load":
        """Have streams all the time, until it is stopped or the seconds are over.

        Returns when each kind has had one.

        Args:
            wanted: So many of each kind at once; `seconds`.
        """
        words = [word for name, value in wanted.items() for word in (f"--{name}", str(value))]
        self.namespace.kubectl("delete", "pod", Load.POD, "--ignore-not-found")
        pod = self._pod(Load.POD, "-m", "in_pods.load", *words)
        self.namespace.apply(_ready_when_there(pod, "/tmp/flowing"))  # noqa: S108 - of the pod
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Streams that go on in a pod."""

    POD = "load"
    namespace: Namespace

    def stop(self) -> Mapping[str, Streams]:
        """Let what runs come to its end; what became of each kind's streams."""
        terminate = "import os, signal; os.kill(1, signal.SIGTERM)"
        self.namespace.kubectl("exec", self.POD, "--", "python", "-c", terminate)
        return self.result()

    def result(self) -> Mapping[str, Streams]:
        """The same, of a load that ends by itself."""
        ended = "--for=jsonpath={.status.phase}=Succeeded"
        self.namespace.kubectl("wait", ended, f"--timeout={LOAD_SECONDS}s", f"pod/{self.POD}")
        (told,) = self.namespace.kubectl("logs", self.POD).splitlines()
        return {kind: Streams(**seen) for kind, seen in json.loads(told).items()}


_CONTROL = """\
import sys, urllib.request
url = "http://127.0.0.1:50070/control/fault"
method, body = sys.argv[1:]
urllib.request.urlopen(urllib.request.Request(url, data=body.encode(), method=method), timeout=10)
"""


def router_image(release: Namespace) -> str:
    """What the routers of a release run."""
    found = release.get("deployment", "failsoft-router")
    (container,) = found["spec"]["template"]["spec"]["containers"]
    image: str = container["image"]
    return image


def _named(kind: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": name}},
    }


def _ready_when_there(pod: Manifest, file: str) -> Manifest:
    """The pod with a probe that looks for a file."""
    (container,) = pod["spec"]["containers"]
    probe = {"exec": {"command": ["test", "-e", file]}, "periodSeconds": 1}
    container = {**container, "readinessProbe": probe}
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
