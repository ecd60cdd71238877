"""A real Prometheus, which scrapes a few times a second."""

import json
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import yaml
from processes import free_ports

_INTERVAL = "500ms"
Labels = Mapping[str, str]

_ANY: Labels = MappingProxyType({})
_SECONDS = 90.0
_LOOK_SECONDS = 0.1


def _nothing() -> None:
    """What is done before a look where nothing has to be."""


class Prometheus:
    """One that is running."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ready(self) -> bool:
        """Whether it answers and its rules have been looked at once."""
        try:
            groups = self._ask("rules")["groups"]
        except OSError:
            return False
        rules = [rule for group in groups for rule in group["rules"]]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules)

    def firing(self, of: Labels = _ANY) -> frozenset[str]:
        """Names of the alerts that fire, of those with these labels."""
        return frozenset(
            alert["labels"]["alertname"]
            for alert in self._ask("alerts")["alerts"]
            if alert["state"] == "firing" and of.items() <= alert["labels"].items()
        )

    def takes(self, expression: str) -> bool:
        """Whether it can be asked that, whatever the answer is."""
        try:
            self._ask(f"query?{urlencode({'query': expression})}")
        except HTTPError:
            return False
        return True

    def wait_until_firing(
        self, name: str, *, of: Labels = _ANY, again: Callable[[], object] = _nothing
    ) -> None:
        """Returns when it fires; `again` is done before each look."""

        def fires() -> bool:
            again()
            return name in self.firing(of)

        _until(fires, what=f"{name} fires")

    def wait_until_quiet(
        self, name: str, *, of: Labels = _ANY, again: Callable[[], object] = _nothing
    ) -> None:
        """Returns when it fires no more."""

        def is_quiet() -> bool:
            again()
            return name not in self.firing(of)

        _until(is_quiet, what=f"{name} ends")

    def wait_until_nothing_fires(self, *, again: Callable[[], object]) -> None:
        """Returns when no alert does; `again` is done before each look."""

        def is_quiet() -> bool:
            again()
            return not self.firing()

        _until(is_quiet, what="no alert fires")

    def _ask(self, what: str) -> Any:  # noqa: ANN401 - it is JSON
        url = f"http://{self._address}/api/v1/{what}"
        with urllib.request.urlopen(url, timeout=_SECONDS) as reply:
            return json.loads(reply.read())["data"]


@contextmanager
def prometheus(program: str, folder: Path, *, jobs: Mapping[str, str]) -> Iterator[Prometheus]:
    """One that scrapes an address for each job, with the rules of `alerts.yaml` in the folder."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    configuration = {
        "global": {
            "scrape_interval": _INTERVAL,
            "scrape_timeout": _INTERVAL,
            "evaluation_interval": _INTERVAL,
        },
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]}
            for job, target in jobs.items()
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    options = {
        "config.file": folder / "prometheus.yaml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": address,
    }
    with (folder / "prometheus.log").open("wb") as log:
        started = subprocess.Popen(
            [program, *(f"--{name}={value}" for name, value in options.items())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            running = Prometheus(address)
            _until(running.ready, what="Prometheus has looked at its rules")
            yield running
        finally:
            started.terminate()
            started.wait(timeout=_SECONDS)


def _until(condition: Callable[[], bool], *, what: str) -> None:
    """Look again and again; Prometheus tells nobody of a change."""
    pause = threading.Event()
    looks = int(_SECONDS / _LOOK_SECONDS)
    if not any(condition() or pause.wait(_LOOK_SECONDS) for _ in range(looks)):
        raise AssertionError(f"it never came about that {what}")
