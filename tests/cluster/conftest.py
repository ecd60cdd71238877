"""One installation on a real cluster, with callers and a provider beside it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from on_cluster import node as on_node
from on_cluster.callers import Callers, neighbours_of
from on_cluster.jaeger import JaegerService, find_jaeger
from on_cluster.kubectl import CommandFailed, run
from on_cluster.release import CHART, Release, image_options, new_release

MINIMAL = CHART / "values-minimal.yaml"
VALUES = Path(__file__).with_name("values.yaml")


@pytest.fixture(scope="session")
def cluster() -> None:
    """Skip every test where there is no cluster, and say why."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG is not set: these tests need a Kubernetes cluster")
    for program in ("kubectl", "helm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on the PATH")
    try:
        run("kubectl", "version", "--request-timeout=10s")
    except CommandFailed as failed:
        pytest.skip(f"the cluster of KUBECONFIG does not answer: {failed}")


@pytest.fixture(scope="session")
def found_jaeger(cluster: None) -> JaegerService | None:
    """The Jaeger that the release sends its spans to; None: there is none in the cluster."""
    return find_jaeger()


@pytest.fixture(scope="session")
def jaeger(found_jaeger: JaegerService | None) -> JaegerService:
    """The same; the test is skipped without one."""
    if found_jaeger is None:
        pytest.skip("there is no Jaeger in the cluster: JAEGER_SERVICE names it")
    return found_jaeger


@pytest.fixture(scope="session")
def installed(found_jaeger: JaegerService | None) -> Iterator[Release]:
    """Failsoft, in a namespace that goes when the tests are over."""
    telemetry = (
        (f"--set=telemetry.otlpEndpoint={found_jaeger.otlp_endpoint}",) if found_jaeger else ()
    )
    options = (f"--values={MINIMAL}", f"--values={VALUES}", *image_options(), *telemetry)
    with new_release(options) as release:
        release.put_provider_key("guarded", "out-of-date")
        release.install()
        yield release


@pytest.fixture(scope="session")
def neighbours(installed: Release) -> Iterator[Callers]:
    """Who calls it, and a provider that it calls, in a namespace of their own."""
    with neighbours_of(installed) as callers:
        yield callers


@pytest.fixture
def release(installed: Release) -> Release:
    """With every pod ready, whatever the last test did."""
    installed.wait_until_ready()
    return installed


@pytest.fixture
def callers(neighbours: Callers) -> Iterator[Callers]:
    """With a provider that is well, before and after."""
    yield neighbours
    neighbours.heal_provider()


@pytest.fixture(scope="session")
def node(cluster: None) -> on_node.Node:
    """The machine that pods run on; skips where nothing can be run there."""
    return on_node.node()
