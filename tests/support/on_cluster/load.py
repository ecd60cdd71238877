"""Streams that go on in a pod, and what became of them; see `in_pods.load`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from on_cluster.kubectl import Namespace

SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What became of the streams of one kind."""

    whole: int
    degraded: Mapping[str, int]
    longest: float
    lost: Sequence[tuple[float, str]]

    @property
    def lost_in_their_midst(self) -> int:
        """How many of the lost had begun to answer."""
        return sum(what.startswith("in its midst") for _, what in self.lost)

    def told(self) -> str:
        """In words, for who looks on."""
        ways = Counter(what for _, what in self.lost)
        lost = "".join(f"\n    {count} times {what[:120]}" for what, count in ways.items())
        return f"{self.whole} whole, the longest {self.longest} s, {len(self.lost)} lost{lost}"


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
        self.namespace.kubectl("wait", ended, f"--timeout={SECONDS}s", f"pod/{self.POD}")
        (told,) = self.namespace.kubectl("logs", self.POD).splitlines()
        return {kind: Streams(**seen) for kind, seen in json.loads(told).items()}


def nothing_was_lost(seen: Mapping[str, Streams]) -> None:
    """Of each kind there were streams, and all of them were the best answer, whole."""
    for kind, streams in seen.items():
        print(f"\n  {kind}: {streams.told()}", end="")  # noqa: T201 - for who asks by -s
        assert streams.whole > 0
        assert (streams.lost, streams.degraded) == ([], {}), kind
