"""kubectl and helm, as people run them."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]


class CommandFailed(AssertionError):
    """A program that ended otherwise than with 0; the message is what it said."""


def run(*words: str, given: str | None = None) -> str:
    """What a program prints.

    Args:
        given: Its standard input.

    Raises:
        CommandFailed: It did not end with 0.
    """
    ended = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise CommandFailed(f"{' '.join(words)}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """One namespace of the cluster that KUBECONFIG names."""

    name: str

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What `kubectl --namespace …` prints; raises `CommandFailed`."""
        return run("kubectl", "--namespace", self.name, *words, given=given)

    def get(self, *words: str) -> dict[str, Any]:
        """`kubectl get … --output json`."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *words, "--output", "json"))
        return found

    def create(self, labels: Mapping[str, str]) -> None:
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": self.name, "labels": dict(labels)},
            }
        )

    def apply(self, *manifests: Manifest) -> None:
        """Make these objects, or make them so."""
        everything = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "--server-side", "--filename", "-", given=json.dumps(everything))

    def delete(self) -> None:
        """The namespace and all that is in it; returns when it is gone."""
        self.kubectl("delete", "namespace", self.name, "--ignore-not-found", "--timeout=180s")

    def pods(self, selector: str = "") -> Sequence[dict[str, Any]]:
        """Those that are there, the ending ones too."""
        items: list[dict[str, Any]] = self.get("pods", "--selector", selector)["items"]
        return items
