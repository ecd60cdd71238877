"""The services accept what the chart writes for them, and find every file that it names."""

import importlib
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from failsoft_kit.settings import Settings, load
from failsoft_router.adapters.policy_file import load_policy
from failsoft_router.core.policy import Policy

pytestmark = pytest.mark.chart

SERVICES = [
    ("router", "failsoft_router", "RouterSettings"),
    ("cache", "failsoft_cache", "CacheSettings"),
    ("local-llm", "failsoft_local_llm", "LocalLlmSettings"),
]
"""Component, package and settings model of each service."""

ADDRESSES = ("address", "admin_address", "http_address", "metrics_address", "health_address")
"""The settings that say where a service listens."""


def component(manifests: list[dict[str, Any]], kind: str, name: str) -> list[dict[str, Any]]:
    return [
        manifest
        for manifest in manifests
        if manifest["kind"] == kind
        and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == name
    ]


def mounted_files(pod: dict[str, Any], config_maps: Mapping[str, Any]) -> set[str]:
    """The files that the pod finds at /etc/failsoft, without those of Secrets mounted whole."""
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "etc"]
    found: set[str] = set()
    for source in volume["projected"]["sources"]:
        if "configMap" in source:
            found |= config_maps[source["configMap"]["name"]].keys()
        else:
            found |= {item["path"] for item in source["secret"]["items"]}
    return {f"/etc/failsoft/{file}" for file in found}


def settings_of(
    manifests: list[dict[str, Any]], service: tuple[str, str, str], folder: Path
) -> Settings:
    """The chart's settings of a service, read as that service reads them."""
    name, package, model = service
    [config] = [
        manifest["data"]["config.yaml"]
        for manifest in component(manifests, "ConfigMap", name)
        if "config.yaml" in manifest["data"]
    ]
    file = folder / "config.yaml"
    file.write_text(config)
    module = importlib.import_module(f"{package}.settings")
    loaded: Settings = load(getattr(module, model), section=module.SECTION, file=file, environ={})
    return loaded


def paths(settings: Settings) -> Iterator[str]:
    """The values of the settings that the chart has set to a file of its own."""
    for field in settings.model_fields_set:
        value = getattr(settings, field)
        if isinstance(value, Path | PurePosixPath):
            yield str(value)
        elif isinstance(value, Settings):
            yield from paths(value)


@pytest.mark.parametrize("service", SERVICES, ids=[row[0] for row in SERVICES])
def test_a_service_accepts_its_settings_and_finds_the_files_that_they_name(
    manifests: list[dict[str, Any]], service: tuple[str, str, str], tmp_path: Path
) -> None:
    [deployment] = component(manifests, "Deployment", service[0])
    config_maps = {
        manifest["metadata"]["name"]: manifest["data"]
        for manifest in manifests
        if manifest["kind"] == "ConfigMap"
    }

    settings = settings_of(manifests, service, tmp_path)

    named = set(paths(settings))
    assert named
    assert named <= mounted_files(deployment["spec"]["template"]["spec"], config_maps)


@pytest.mark.parametrize("service", SERVICES, ids=[row[0] for row in SERVICES])
def test_a_service_listens_on_the_pods_address_and_drains_within_the_grace(
    manifests: list[dict[str, Any]], service: tuple[str, str, str], tmp_path: Path
) -> None:
    [deployment] = component(manifests, "Deployment", service[0])
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    ports = {port["containerPort"] for port in container["ports"]}

    settings = settings_of(manifests, service, tmp_path).model_dump()

    addresses = [settings[key] for key in ADDRESSES if settings.get(key)]
    hosts, numbers = zip(*(address.rsplit(":", 1) for address in addresses), strict=True)
    assert all(ipaddress.ip_address(host.strip("[]")).is_unspecified for host in hosts)
    assert {int(number) for number in numbers} == ports
    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] == sleep + settings["drain"] + 15


@pytest.mark.parametrize("service", SERVICES, ids=[row[0] for row in SERVICES])
@pytest.mark.parametrize(("listen_on", "family"), [("0.0.0.0", 4), ("[::]", 6)])  # noqa: S104
def test_a_service_listens_at_the_addresses_that_the_cluster_has(
    listen_on: str,
    family: int,
    service: tuple[str, str, str],
    defaults: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    """A cluster with IPv6 only has no 0.0.0.0; one without IPv6 has no `::`."""
    made = defaults("--set", f"metrics.enabled=true,listenOn={listen_on}")

    settings = settings_of(made, service, tmp_path).model_dump()

    addresses = [settings[key] for key in ADDRESSES if settings.get(key)]
    hosts = {address.rsplit(":", 1)[0].strip("[]") for address in addresses}
    assert {ipaddress.ip_address(host).version for host in hosts} == {family}


def test_the_router_accepts_the_policy(manifests: list[dict[str, Any]], tmp_path: Path) -> None:
    [policy] = [
        manifest["data"]["policy.yaml"]
        for manifest in component(manifests, "ConfigMap", "router")
        if "policy.yaml" in manifest["data"]
    ]
    file = tmp_path / "policy.yaml"
    file.write_text(policy)

    assert load_policy(file).routes


def own_policy(made: list[dict[str, Any]], folder: Path) -> Policy:
    """The policy of the chart's own, read as the router reads it."""
    [policy] = [
        manifest["data"]["policy.yaml"]
        for manifest in component(made, "ConfigMap", "router")
        if "policy.yaml" in manifest["data"]
    ]
    file = folder / "policy.yaml"
    file.write_text(policy)
    return load_policy(file)


def test_the_charts_own_policy_reaches_the_model_of_the_same_release_and_its_credentials(
    defaults: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    made = defaults("--set", "fullnameOverride=mine")

    targets = own_policy(made, tmp_path).targets

    [model] = component(made, "Service", "local-llm")
    [pods] = component(made, "Deployment", "local-llm")
    [container] = pods["spec"]["template"]["spec"]["containers"]
    # Not the port's name: what it stands for is not known to the cluster's DNS.
    [port] = [each["containerPort"] for each in container["ports"] if each["name"] == "grpc"]
    service = model["metadata"]["name"]
    assert targets["local-llama"].endpoint == f"kubernetes:///failsoft/{service}:{port}"
    credential = targets["openai"].credential
    assert credential is not None
    assert credential.file == str(tmp_path / "secrets" / "openai")


def test_a_router_that_watches_nothing_finds_the_model_by_its_name(
    defaults: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    made = defaults("--set", "router.watchEndpoints=false")

    [model] = component(made, "Service", "local-llm")
    [port] = model["spec"]["ports"]
    assert own_policy(made, tmp_path).targets["local-llama"].endpoint == (
        f"dns:///{model['metadata']['name']}:{port['port']}"
    )


@pytest.mark.parametrize("gpus", [0, 1])
def test_the_charts_own_policy_is_the_laptops_but_for_addresses_credentials_and_tenants(
    gpus: int,
    defaults: Callable[..., list[dict[str, Any]]],
    root: Path,
    tmp_path: Path,
) -> None:
    """Who moves from one to the other finds the same names, and they behave alike."""
    made = defaults("--set", f"localLlm.gpu.count={gpus}")

    chart = own_policy(made, tmp_path)

    laptop = load_policy(root / "cli" / "src" / "failsoft_cli" / "policies" / "default.yaml")
    assert chart.routes == laptop.routes
    assert chart.targets.keys() == laptop.targets.keys()
    for name, target in chart.targets.items():
        same_place = replace(
            target,
            endpoint=laptop.targets[name].endpoint,
            credential=laptop.targets[name].credential,
        )
        assert same_place == laptop.targets[name]
