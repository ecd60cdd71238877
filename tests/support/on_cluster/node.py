"""The machine that pods run on, where the environment says how something is run there."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from on_cluster.kubectl import run

VARIABLE = "NODE_SHELL"

_SIGNAL = """\
for process in /proc/[0-9]*; do
  if grep -q "$1" "$process/cgroup" 2>/dev/null; then kill -"$2" "${process#/proc/}"; fi
done"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The only node of a cluster.

    Attributes:
        shell: What runs its arguments as root there.
    """

    shell: tuple[str, ...]

    def signal(self, pod: Mapping[str, Any], signal: str) -> None:
        """Send it to all processes of the pod's first container.

        They are known by the container's id, which is in the path of their cgroup.
        """
        (status, *_) = pod["status"]["containerStatuses"]
        container = status["containerID"].partition("://")[2]
        run(*self.shell, "sh", "-c", _SIGNAL, "signal", container, signal)


def node() -> Node:
    """The node; skips the test where nobody says how to run something on it."""
    given = os.environ.get(VARIABLE, "")
    if not given:
        pytest.skip(f"{VARIABLE} is not set: the command that runs its arguments on the node")
    return Node(shell=tuple(shlex.split(given)))
