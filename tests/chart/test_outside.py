"""What the router's HTTP API is reached by from outside the cluster, and only on demand."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

pytestmark = pytest.mark.chart

Render = Callable[..., list[dict[str, Any]]]


def of_kind(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def router_service(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    [service] = [
        each
        for each in of_kind(manifests, "Service")
        if each["metadata"]["name"] == "failsoft-router"
    ]
    return service


def test_nothing_leads_in_from_outside_unless_it_is_asked_for(defaults: Render) -> None:
    made = defaults()

    assert of_kind(made, "Ingress") == of_kind(made, "HTTPRoute") == []
    assert all("type" not in each["spec"] for each in of_kind(made, "Service"))


def test_an_ingress_leads_its_host_to_the_http_port(defaults: Render) -> None:
    made = defaults(
        "--set",
        "router.http.ingress.host=llm.example.com,router.http.ingress.tlsSecret=certificate",
    )

    [ingress] = of_kind(made, "Ingress")
    [rule] = ingress["spec"]["rules"]
    [path] = rule["http"]["paths"]
    assert rule["host"] == "llm.example.com"
    assert path["backend"]["service"] == {"name": "failsoft-router", "port": {"name": "http"}}
    assert ingress["spec"]["tls"] == [{"hosts": ["llm.example.com"], "secretName": "certificate"}]
    assert 50080 in {port["port"] for port in router_service(made)["spec"]["ports"]}


def test_a_gateway_leads_to_the_http_port_and_cuts_no_stream(defaults: Render) -> None:
    """Some gateways give a request 15 s unless they are told otherwise."""
    made = defaults("--set", "router.http.gateway.parentRefs[0].name=edge")

    [route] = of_kind(made, "HTTPRoute")
    [rule] = route["spec"]["rules"]
    assert route["spec"]["parentRefs"] == [{"name": "edge"}]
    assert rule["backendRefs"] == [{"name": "failsoft-router", "port": 50080}]
    assert rule["timeouts"] == {"request": "0s"}


def test_without_the_http_api_there_is_no_port_of_it(defaults: Render) -> None:
    made = defaults("--set", "router.http.enabled=false")

    assert {port["port"] for port in router_service(made)["spec"]["ports"]} == {50050}
    assert "http_address" not in str(of_kind(made, "ConfigMap"))


def test_an_ingress_to_an_api_that_is_off_is_refused(
    helm: Callable[..., CompletedProcess[str]], chart: Path
) -> None:
    made = helm(
        *("template", "failsoft", chart),
        *("--set", "router.http.enabled=false,router.http.ingress.host=llm.example.com"),
    )

    assert made.returncode != 0
    assert "set router.http.enabled too" in made.stderr
