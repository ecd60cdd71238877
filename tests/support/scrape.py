"""Reads a service's metrics as Prometheus does."""

import urllib.request
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_SECONDS = 10.0


class Scrape:
    """What one reading told."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def value(self, name: str, **labels: str) -> float:
        """The sum of all series of that name which have these labels; 0.0 if there are none."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def names(self) -> set[str]:
        """Of all samples."""
        return {sample.name for sample in self.samples}


def scrape(address: str) -> Scrape:
    """What is told at `host:port` now; blocks."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=_SECONDS) as reply:
        families = text_string_to_metric_families(reply.read().decode())
        return Scrape([sample for family in families for sample in family.samples])
