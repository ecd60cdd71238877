"""A real Prometheus with our alert rules, in front of real services that can be made to fail."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from prometheus_process import Prometheus, prometheus
from watched_services import Services, services

if TYPE_CHECKING:
    from valkey_process import ValkeyProcess

RULES = Path(__file__).resolve().parents[3] / "deploy/observability/prometheus/alerts.yaml"
WINDOW = "5s"
"""In place of the minutes over which rules look at counters."""


def _given(variable: str) -> str:
    """A program that the environment names; without it the test is skipped."""
    path = os.environ.get(variable, "")
    if not path:
        pytest.skip(f"there is no Prometheus: {variable} is not set; `make test-prometheus` does")
    return path


@pytest.fixture(scope="session")
def promtool() -> str:
    return _given("PROMTOOL")


@pytest.fixture(scope="module")
def watched(
    shared_valkey: "ValkeyProcess", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    _given("PROMETHEUS")
    with services(tmp_path_factory.mktemp("services"), valkey=shared_valkey) as running:
        yield running


@pytest.fixture(scope="module")
def alerts(watched: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has our rules, and does not wait before they fire."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "alerts.yaml").write_text(_impatient(RULES.read_text()))
    with prometheus(_given("PROMETHEUS"), folder, jobs=watched.metrics_addresses) as running:
        yield running


def _impatient(rules: str) -> str:
    """The same rules over seconds, which fire at once."""
    document = yaml.safe_load(rules)
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["for"] = "0s"
            rule["expr"] = re.sub(r"\[\d+m\]", f"[{WINDOW}]", rule["expr"])
    return yaml.safe_dump(document)
