"""Failsoft on a cluster, as its chart installs it."""

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from on_cluster.kubectl import CommandFailed, Namespace, run

CHART = Path(__file__).resolve().parents[3] / "deploy" / "helm" / "failsoft"
COMPONENTS = ("router", "cache", "local-llm")
EVERY_POD = ("--selector", "app.kubernetes.io/instance=failsoft", "--all-containers")
READY_SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release, called `failsoft`, in a namespace of its own.

    Attributes:
        options: Of every `helm install` and `helm upgrade`.
    """

    namespace: Namespace
    options: tuple[str, ...]

    def install(self, *options: str) -> None:
        """Return when every pod is ready; raises `CommandFailed` with what the pods say."""
        self._helm("install", *options)

    def upgrade(self, *options: str, wait: bool = True) -> None:
        """As `install`, over what is there; without `wait`, return at once."""
        self._helm("upgrade", *options, wait=wait)

    def rollback(self) -> None:
        """To what was before the last upgrade."""
        wait = ("--wait", f"--timeout={READY_SECONDS}s")
        run("helm", "rollback", "failsoft", "--namespace", self.namespace.name, *wait)

    def uninstall(self) -> None:
        """Return when its pods are gone too, which Helm does not wait for."""
        run(
            *("helm", "uninstall", "failsoft", "--namespace", self.namespace.name),
            *("--wait", "--ignore-not-found"),
        )
        self.wait_until_gone([pod["metadata"]["name"] for pod in self.namespace.pods()])

    @property
    def key(self) -> str:
        """The first API key, which the installation has made."""
        secret = self.namespace.get("secret", "failsoft-api-keys")
        return base64.b64decode(secret["data"]["first-key"]).decode()

    def pods(self, component: str) -> Sequence[dict[str, Any]]:
        """Of one component, without those that are ending."""
        found = self.namespace.pods(f"app.kubernetes.io/component={component}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def delete(self, pod: Mapping[str, Any]) -> None:
        """Return when it is gone."""
        self.namespace.kubectl("delete", "pod", pod["metadata"]["name"])

    def evict(self, pod: Mapping[str, Any]) -> None:
        """As a drain of its node does; returns when it is gone."""
        name = pod["metadata"]["name"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.namespace.name},
        }
        path = f"/api/v1/namespaces/{self.namespace.name}/pods/{name}/eviction"
        self.namespace.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction))
        self.wait_until_gone([name])

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
        self._scale(f"deployment/failsoft-{component}", component, replicas)

    def scale_valkey(self, replicas: int) -> None:
        self._scale("statefulset/failsoft-valkey", "valkey", replicas)

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
        self.namespace.kubectl("rollout", "restart", f"deployment/failsoft-{component}")
        self.wait_until_ready(component)
        self.wait_until_gone(old)

    def wait_until_ready(self, *components: str) -> None:
        """Return when as many pods as are wanted are up to date and ready."""
        for component in components or COMPONENTS:
            self.namespace.kubectl(
                *("rollout", "status", f"deployment/failsoft-{component}"),
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

    def _scale(self, workload: str, component: str, replicas: int) -> None:
        old = [pod["metadata"]["name"] for pod in self.pods(component)]
        self.namespace.kubectl("scale", workload, f"--replicas={replicas}")
        self.namespace.kubectl("rollout", "status", workload, f"--timeout={READY_SECONDS}s")
        if not replicas:
            self.wait_until_gone(old)

    def _put(self, name: str, key: str, value: str) -> None:
        patch = json.dumps({"data": {key: value}})
        self.namespace.kubectl("patch", name, "--type=merge", f"--patch={patch}")

    def _helm(self, verb: str, *options: str, wait: bool = True) -> None:
        waiting = ("--wait", f"--timeout={READY_SECONDS}s") if wait else ()
        try:
            run(
                *("helm", verb, "failsoft", str(CHART), "--namespace", self.namespace.name),
                *(*waiting, *self.options, *options),
            )
        except CommandFailed as failed:
            pods = self.namespace.kubectl("get", "pods", "--output", "wide")
            logs = self.namespace.kubectl("logs", *EVERY_POD, "--prefix", "--tail=5")
            raise CommandFailed(f"{failed}\n{pods}\n{logs}") from failed


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
