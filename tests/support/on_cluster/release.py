"""Failsoft on a cluster, as its chart installs it."""

import base64
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from on_cluster.kubectl import CommandFailed, Namespace, run
from on_cluster.waiting import eventually

CHART = Path(__file__).resolve().parents[3] / "deploy" / "helm" / "failsoft"
COMPONENTS = ("router", "cache", "local-llm")
"""Those that speak our contracts; Valkey stands behind them."""
EVERY_POD = ("--selector", "app.kubernetes.io/instance=failsoft", "--all-containers")
READY_SECONDS = 180
LITTLE = tuple(
    f"--set={component}.resources.requests.cpu=20m"
    for component in ("router", "cache", "localLlm", "valkey.own")
)
"""Options of a release that has to fit beside another one, with the pods that a roll adds."""
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
"""The namespace takes no pod that is allowed more than the chart says its pods need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release, called `failsoft`, in a namespace of its own.

    Attributes:
        options: Of every `helm install` and `helm upgrade`.
        helm: The program.
    """

    namespace: Namespace
    options: tuple[str, ...]
    chart: Path = CHART
    helm: str = "helm"

    def install(self, *options: str, wait: bool = True) -> None:
        """Return when every pod is ready, or without `wait` at once.

        Raises `CommandFailed` with what the pods say.
        """
        self._helm("install", *options, wait=wait)

    def upgrade(self, *options: str, wait: bool = True) -> None:
        """As `install`, over what is there; without `wait`, return at once."""
        self._helm("upgrade", *options, wait=wait)

    def rollback(self) -> None:
        """To what was before the last upgrade."""
        self._run("rollback", "failsoft", "--wait", f"--timeout={READY_SECONDS}s")

    def test(self, *, logs: bool = True) -> str:
        """What Helm and the chart's own test print; raises `CommandFailed` without an answer.

        Args:
            logs: Of the test's pod, for which Helm 3 looks when it has taken the pod away.
        """
        return self._run("test", "failsoft", *(("--logs",) if logs else ()))

    def uninstall(self) -> None:
        """Return when its pods are gone too, which Helm does not wait for."""
        self._run("uninstall", "failsoft", "--wait", "--ignore-not-found")
        self.wait_until_gone([pod["metadata"]["name"] for pod in self.namespace.pods()])

    @property
    def key(self) -> str:
        """The first API key, which the installation has made."""
        secret = self.namespace.get("secret", "failsoft-api-keys")
        return base64.b64decode(secret["data"]["first-key"]).decode()

    def put_provider_key(self, name: str, key: str) -> None:
        """Into the Secret that tests/cluster/values.yaml has such keys in."""
        self.namespace.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "provider-keys"},
                "stringData": {name: key},
            }
        )

    def pods(self, component: str) -> Sequence[dict[str, Any]]:
        """Of one component, without those that are ending."""
        found = self.namespace.pods(f"app.kubernetes.io/component={component}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def delete(self, pod: Mapping[str, Any]) -> None:
        """Return when it is gone."""
        self.namespace.kubectl("delete", "pod", pod["metadata"]["name"])

    def evict(self, pod: Mapping[str, Any]) -> None:
        """As a drain of its node does; returns when it is gone.

        It is known by its uid, because a StatefulSet's next pod has the same name.
        """
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.namespace.name},
        }
        path = f"/api/v1/namespaces/{self.namespace.name}/pods/{name}/eviction"
        self.namespace.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction))
        eventually(
            lambda: uid not in [each["metadata"]["uid"] for each in self.namespace.pods()],
            within=READY_SECONDS,
        )

    def read(self, pod: Mapping[str, Any], file: str) -> str:
        """What is in a file of its container."""
        return self.namespace.kubectl("exec", pod["metadata"]["name"], "--", "cat", file)

    def restarts(self, component: str) -> int:
        """How often containers of its pods have been started again."""
        return sum(
            status["restartCount"]
            for pod in self.pods(component)
            for status in pod["status"]["containerStatuses"]
        )

    def scale(self, component: str, replicas: int) -> None:
        """Return when that many pods are ready, and none besides them is left."""
        old = [pod["metadata"]["name"] for pod in self.pods(component)]
        self.namespace.kubectl("scale", workload(component), f"--replicas={replicas}")
        self.wait_until_ready(component)
        if not replicas:
            self.wait_until_gone(old)

    @contextmanager
    def edited(self, name: str, key: str, old: str, new: str) -> Iterator[None]:
        """A ConfigMap with some words of one key changed, while the block lasts."""
        before = self.namespace.get(name)["data"][key]
        assert old in before
        self._put(name, key, before.replace(old, new, 1))
        try:
            yield
        finally:
            self._put(name, key, before)

    def restart(self, component: str) -> None:
        """Roll one component's pods; returns when new ones are ready and the old ones are gone."""
        old = [pod["metadata"]["name"] for pod in self.pods(component)]
        self.namespace.kubectl("rollout", "restart", workload(component))
        self.wait_until_ready(component)
        self.wait_until_gone(old)

    def hold(self, component: str) -> None:
        """Leave its pods as they are, whatever becomes of its Deployment, until `let_go`."""
        self.namespace.kubectl("rollout", "pause", workload(component))

    def let_go(self, component: str) -> None:
        self.namespace.kubectl("rollout", "resume", workload(component))

    def image(self, component: str) -> str:
        """What its pods run; fails where they do not all run the same."""
        image: str
        (image,) = {pod["spec"]["containers"][0]["image"] for pod in self.pods(component)}
        return image

    def wait_until_ready(self, *components: str) -> None:
        """Return when as many pods as are wanted are up to date and ready."""
        with self._pods_told():
            for component in components or COMPONENTS:
                self.namespace.kubectl(
                    *("rollout", "status", workload(component)),
                    f"--timeout={READY_SECONDS}s",
                )

    def wait_until_restarted(self, pod: Mapping[str, Any]) -> None:
        """Return when a container of this pod has ended and another one is ready in its place."""
        restarts = pod["status"]["containerStatuses"][0]["restartCount"] + 1
        again = f"--for=jsonpath={{.status.containerStatuses[0].restartCount}}={restarts}"
        for condition in (again, "--for=condition=Ready"):
            self.namespace.kubectl(
                *("wait", condition, f"--timeout={READY_SECONDS}s"),
                f"pod/{pod['metadata']['name']}",
            )

    def wait_until_gone(self, pods: Sequence[str]) -> None:
        names = [f"pod/{name}" for name in pods]
        if names:
            self.namespace.kubectl("wait", "--for=delete", f"--timeout={READY_SECONDS}s", *names)

    def _put(self, name: str, key: str, value: str) -> None:
        patch = json.dumps({"data": {key: value}})
        self.namespace.kubectl("patch", name, "--type=merge", f"--patch={patch}")

    def _helm(self, verb: str, *options: str, wait: bool = True) -> None:
        waiting = ("--wait", f"--timeout={READY_SECONDS}s") if wait else ()
        with self._pods_told():
            self._run(verb, "failsoft", str(self.chart), *waiting, *self.options, *options)

    @contextmanager
    def _pods_told(self) -> Iterator[None]:
        """What fails in the block fails with what the pods say."""
        try:
            yield
        except CommandFailed as failed:
            pods = self.namespace.kubectl("get", "pods", "--output", "wide")
            logs = self.namespace.kubectl("logs", *EVERY_POD, "--prefix", "--tail=5")
            raise CommandFailed(f"{failed}\n{pods}\n{logs}") from failed

    def _run(self, verb: str, *words: str) -> str:
        return run(self.helm, verb, *words, "--namespace", self.namespace.name)


@contextmanager
def new_release(
    options: tuple[str, ...], *, chart: Path = CHART, helm: str = "helm"
) -> Iterator[Release]:
    """One that is not installed yet, in a namespace of its own; gone when the block ends."""
    namespace = Namespace(name=f"failsoft-test-{secrets.token_hex(3)}")
    release = Release(namespace=namespace, options=options, chart=chart, helm=helm)
    namespace.create(RESTRICTED)
    try:
        yield release
    finally:
        # First, because Kubernetes takes its time with a namespace that has pods.
        release.uninstall()
        namespace.delete()


def workload(component: str) -> str:
    """What keeps a component's pods, as kubectl names it."""
    kind = "statefulset" if component == "valkey" else "deployment"
    return f"{kind}/failsoft-{component}"


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether Kubernetes sends it calls."""
    return any(
        each["type"] == "Ready" and each["status"] == "True" for each in pod["status"]["conditions"]
    )


def image_options() -> tuple[str, ...]:
    """Where the images are, as IMAGE_REGISTRY and IMAGE_TAG say; without them, the chart's own."""
    given = {
        "image.registry": os.environ.get("IMAGE_REGISTRY", ""),
        "image.tag": os.environ.get("IMAGE_TAG", ""),
    }
    return tuple(f"--set={name}={value}" for name, value in given.items() if value)
