"""Nobody reaches a pod of ours, and none of them reaches anybody, without need."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from installed_cluster import ApiServer
from network_policy import Peer, may_reach, pod_of

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

STRANGER = Peer(namespace="elsewhere")
DNS = Peer(namespace="kube-system")
PROVIDER = Peer(address="104.18.7.192")
PROVIDER_BY_IPV6 = Peer(address="2606:4700::6812:7c0")
METADATA_SERVICE = Peer(address="169.254.169.254")
INTERNAL = Peer(address="10.20.30.40")
PORTS = (22, 53, 80, 443, 4317, 6379, 6443, 50050, 50051, 50052, 50060, 50080)


def component(manifests: Manifests, name: str) -> Peer:
    [found] = [
        manifest
        for manifest in manifests
        if manifest["kind"] in {"Deployment", "StatefulSet"}
        and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == name
    ]
    return pod_of(found)


def reached(manifests: Manifests, source: Peer, target: Peer) -> set[int]:
    """The ports that are let through."""
    return {port for port in PORTS if may_reach(manifests, source, target, port)}


class TestByDefault:
    """Callers and providers are not known, so everybody with a key, and every public address."""

    @pytest.fixture
    def made(self, cluster: ApiServer, upgraded: Render) -> Manifests:
        cluster.has_api_server_at("10.96.0.1", "172.18.0.3", "172.18.0.4")
        return upgraded()

    def test_everybody_may_ask_the_router_and_nobody_its_admin_port(self, made: Manifests) -> None:
        assert reached(made, STRANGER, component(made, "router")) == {50050, 50080}

    def test_only_the_router_reaches_cache_and_model(self, made: Manifests) -> None:
        router, cache, model = (component(made, n) for n in ("router", "cache", "local-llm"))

        assert reached(made, router, cache) == {50052}
        assert reached(made, router, model) == {50051}
        for target in (cache, model):
            assert reached(made, STRANGER, target) == set()
        assert reached(made, cache, model) == reached(made, model, cache) == set()
        assert reached(made, model, router) == reached(made, cache, router) == set()

    def test_the_router_reaches_public_addresses_and_no_private_one(self, made: Manifests) -> None:
        """A policy with a mistake must not lead into the company, or to the cloud's metadata."""
        router = component(made, "router")

        assert reached(made, router, PROVIDER) == {443}
        assert reached(made, router, PROVIDER_BY_IPV6) == {443}
        assert reached(made, router, METADATA_SERVICE) == set()
        assert reached(made, router, INTERNAL) == set()
        assert reached(made, router, STRANGER) == set()
        assert reached(made, router, DNS) == {53}

    def test_the_router_reaches_the_api_server_where_the_cluster_says_that_it_is(
        self, made: Manifests
    ) -> None:
        router = component(made, "router")

        assert reached(made, router, Peer(address="10.96.0.1")) == {443}
        for address in ("172.18.0.3", "172.18.0.4"):
            assert reached(made, router, Peer(address=address)) == {6443}

    @pytest.mark.parametrize("target", [DNS, PROVIDER, INTERNAL, STRANGER])
    def test_the_model_reaches_nobody(self, made: Manifests, target: Peer) -> None:
        assert reached(made, component(made, "local-llm"), target) == set()

    def test_the_cache_without_valkey_reaches_nobody(self, made: Manifests) -> None:
        for target in (DNS, PROVIDER, INTERNAL, STRANGER):
            assert reached(made, component(made, "cache"), target) == set()


def test_an_api_server_with_addresses_of_both_families_is_reached_at_each(
    cluster: ApiServer, upgraded: Render
) -> None:
    cluster.has_api_server_at("fd00::1", "fd00::2")
    made = upgraded()

    assert reached(made, component(made, "router"), Peer(address="fd00::1")) == {443}
    assert reached(made, component(made, "router"), Peer(address="fd00::2")) == {6443}


def test_what_is_only_rendered_looks_for_the_api_server_everywhere_but_at_the_metadata_service(
    defaults: Render,
) -> None:
    """Without a cluster to ask; the values say so, and those for production name it."""
    made = defaults()
    router = component(made, "router")

    assert reached(made, router, INTERNAL) == {443, 6443}
    assert reached(made, router, METADATA_SERVICE) == set()


def test_production_reaches_private_addresses_only_as_named(chart: Path, render: Render) -> None:
    made = render(chart / "values-production.yaml")
    router = component(made, "router")

    assert reached(made, router, Peer(address="10.96.0.1")) == {443, 6443}
    assert reached(made, router, INTERNAL) == set()


@pytest.mark.parametrize("port", [53, 5353])
def test_names_are_looked_up_at_the_ports_of_the_values_and_nowhere_else(
    defaults: Render, port: int
) -> None:
    made = defaults("--set", f"networkPolicy.dnsPorts[0]={port}")
    router = component(made, "router")

    assert may_reach(made, router, DNS, port)
    assert not may_reach(made, router, DNS, 5353 if port == 53 else 53)
    assert not may_reach(made, router, STRANGER, port)


def test_what_the_collector_tells_without_a_token_is_read_by_named_scrapers_only(
    defaults: Render,
) -> None:
    own = "telemetry.collector.enabled=true,telemetry.jaeger.enabled=true"
    namespace = (
        "networkPolicy.scrapers[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name"
    )
    for settings, reads in [(own, False), (f"{own},{namespace}=elsewhere", True)]:
        made = defaults("--set", settings)
        assert may_reach(made, STRANGER, component(made, "collector"), 8889) is reads


def test_the_charts_own_valkey_is_reached_by_who_keeps_something_there(defaults: Render) -> None:
    made = defaults("--set", "valkey.own.enabled=true")
    valkey = component(made, "valkey")

    assert reached(made, component(made, "cache"), valkey) == {6379}
    assert reached(made, component(made, "router"), valkey) == {6379}
    assert reached(made, component(made, "local-llm"), valkey) == set()
    assert reached(made, STRANGER, valkey) == set()
    for target in (DNS, PROVIDER, STRANGER):
        assert reached(made, valkey, target) == set()


class TestAsNamed:
    """`ci/network-values.yaml` names everybody."""

    @pytest.fixture
    def made(self, chart: Path, render: Render) -> Manifests:
        return render(chart / "ci" / "network-values.yaml")

    def test_only_the_named_callers_and_operators_come_in(self, made: Manifests) -> None:
        router = component(made, "router")
        operator = Peer(namespace="operations", labels={"app": "console"})

        assert reached(made, operator, router) == {50060}
        assert reached(made, Peer(namespace="operations"), router) == set()
        assert reached(made, STRANGER, router) == set()

    def test_a_proxy_takes_the_place_of_the_public_addresses(self, made: Manifests) -> None:
        router = component(made, "router")

        assert may_reach(made, router, Peer(address="10.8.0.3"), 3128)
        assert reached(made, router, PROVIDER) == set()
        assert reached(made, router, Peer(address="10.96.0.1")) == {443, 6443}

    def test_only_who_keeps_something_there_reaches_valkey_at_its_own_port(
        self, made: Manifests
    ) -> None:
        valkey = Peer(address="10.9.0.7")

        assert may_reach(made, component(made, "cache"), valkey, 6380)
        assert may_reach(made, component(made, "router"), valkey, 6380)
        assert not may_reach(made, component(made, "cache"), valkey, 6379)
        assert not may_reach(made, component(made, "local-llm"), valkey, 6380)

    @pytest.mark.parametrize("name", ["router", "cache", "local-llm"])
    def test_every_service_reaches_the_collector_and_is_reached_by_prometheus(
        self, made: Manifests, name: str
    ) -> None:
        pod = component(made, name)

        assert may_reach(made, pod, Peer(namespace="observability"), 4317)
        assert not may_reach(made, pod, STRANGER, 4317)
        assert may_reach(made, Peer(namespace="monitoring"), pod, 9464)
        assert not may_reach(made, STRANGER, pod, 9464)


def test_the_tests_own_pod_may_ask_where_callers_are_named(chart: Path, render: Render) -> None:
    made = render(chart / "ci" / "network-values.yaml")
    router = component(made, "router")
    labels = {**router.labels, "app.kubernetes.io/component": "test"}
    without_limits = [each for each in made if each["metadata"]["name"] != "failsoft-deny"]

    asking = Peer(namespace="failsoft", labels=labels)

    assert reached(without_limits, asking, router) == {50050, 50080}


def test_where_policies_are_off_there_is_none(defaults: Render) -> None:
    made = defaults("--set", "networkPolicy.enabled=false")

    assert all(manifest["kind"] != "NetworkPolicy" for manifest in made)
