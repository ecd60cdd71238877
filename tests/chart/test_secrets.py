"""Secrets reach the services as files, are made once, and are in nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

pytestmark = pytest.mark.chart


SHARED = {
    *("keys/service-token", "keys/metrics-token"),
    *("tls/tls.crt", "tls/tls.key", "tls/ca.crt"),
}
"""What every service may see; the certificate is each one's own."""


def etc_files(pod: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Each file that a Secret puts below /etc/failsoft, and that Secret's name and key."""
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "etc"]
    return {
        item["path"]: (source["secret"]["name"], item["key"])
        for source in volume["projected"]["sources"]
        if "secret" in source
        for item in source["secret"]["items"]
    }


def pod_of(manifests: list[dict[str, Any]], component: str) -> dict[str, Any]:
    [pod] = [
        manifest["spec"]["template"]["spec"]
        for manifest in manifests
        if manifest["kind"] == "Deployment"
        and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]
    found: dict[str, Any] = pod
    return found


def named_secrets(manifests: list[dict[str, Any]]) -> set[str]:
    """The Secrets that Deployments have files of."""
    pods = [each["spec"]["template"]["spec"] for each in manifests if each["kind"] == "Deployment"]
    volumes = [volume for pod in pods for volume in pod["volumes"]]
    sources = [
        source for each in volumes for source in each.get("projected", {}).get("sources", ())
    ]
    return {source["secret"]["name"] for source in sources if "secret" in source} | {
        volume["secret"]["secretName"] for volume in volumes if "secret" in volume
    }


def test_every_service_reads_the_service_token_from_a_file(
    deployments: list[dict[str, Any]],
) -> None:
    tokens = {
        etc_files(deployment["spec"]["template"]["spec"])["keys/service-token"]
        for deployment in deployments
    }

    assert len(tokens) == 1


def test_secret_files_are_read_by_the_services_group_only(
    deployments: list[dict[str, Any]],
) -> None:
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["fsGroup"] == 10001
        for volume in pod["volumes"]:
            for kind in {"projected", "secret"} & volume.keys():
                assert volume[kind]["defaultMode"] == 0o440


def test_no_service_sees_the_secret_of_another(manifests: list[dict[str, Any]]) -> None:
    """Who takes over the model must not be able to compute a tenant's cache keys."""
    router = pod_of(manifests, "router")
    local_llm = pod_of(manifests, "local-llm")

    front = {"front/tls.crt", "front/tls.key"}
    assert etc_files(router).keys() <= SHARED | front | {"keys/api-keys", "keys/valkey-url"}
    assert etc_files(local_llm).keys() <= SHARED
    assert {volume["name"] for volume in local_llm["volumes"] if "secret" in volume} == set()


def test_the_providers_credentials_are_files_of_the_router(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    made = defaults("--set", "router.credentials.existingSecret=ours")
    pod = pod_of(made, "router")

    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "credentials"]
    [mount] = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "credentials"]

    assert volume["secret"]["secretName"] == "ours"
    assert mount == {
        "name": "credentials",
        "mountPath": "/etc/failsoft/secrets",
        "readOnly": True,
    }


@pytest.mark.parametrize("component", ["router", "cache"])
def test_valkeys_address_with_its_password_is_a_file_of_those_who_keep_something_there(
    defaults: Callable[..., list[dict[str, Any]]], component: str
) -> None:
    made = defaults("--set", "valkey.existingSecret=ours,valkey.key=address")

    assert etc_files(pod_of(made, component))["keys/valkey-url"] == ("ours", "address")


@pytest.mark.parametrize(("set_to", "key"), [("", "url"), ("walks", "walks")])
def test_routers_may_have_an_address_of_their_own_at_valkey(
    defaults: Callable[..., list[dict[str, Any]]], set_to: str, key: str
) -> None:
    made = defaults("--set", f"valkey.existingSecret=ours,valkey.routerKey={set_to}")

    assert etc_files(pod_of(made, "router"))["keys/valkey-url"] == ("ours", key)
    assert etc_files(pod_of(made, "cache"))["keys/valkey-url"] == ("ours", "url")


def test_existing_secrets_are_used_and_none_is_made(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    made = defaults(
        "--set",
        "serviceToken.existingSecret=a,serviceToken.key=t,cache.secret.existingSecret=b,"
        "router.apiKeys.existingSecret=c",
    )

    assert not [manifest for manifest in made if manifest["kind"] == "Secret"]
    files = etc_files(pod_of(made, "cache"))
    assert files["keys/service-token"] == ("a", "t")
    assert files["keys/master-secret"] == ("b", "master-secret")


def test_a_move_to_production_deletes_no_secret_that_pods_then_need(
    chart: Path, render: Callable[..., list[dict[str, Any]]]
) -> None:
    """What Helm made and no longer renders it deletes, whoever else wrote to it meanwhile."""
    made = {
        manifest["metadata"]["name"]
        for manifest in render(chart / "values-minimal.yaml", "--set", "metrics.enabled=true")
        if manifest["kind"] == "Secret"
    }
    production = render(chart / "values-production.yaml")
    kept = {each["metadata"]["name"] for each in production if each["kind"] == "Secret"}

    assert not named_secrets(production) & made - kept


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("serviceToken.existingSecret", "failsoft-service-token"),
        ("router.apiKeys.existingSecret", "failsoft-api-keys"),
        ("router.credentials.existingSecret", "failsoft-api-keys"),
        ("cache.secret.existingSecret", "failsoft-cache-secret"),
        ("valkey.existingSecret", "failsoft-valkey"),
        ("metrics.enabled=true,metrics.token.existingSecret", "failsoft-metrics-token"),
    ],
)
def test_a_secret_of_ones_own_may_not_have_the_name_of_one_that_the_chart_makes(
    helm: Callable[..., CompletedProcess[str]], chart: Path, value: str, made: str
) -> None:
    refused = helm("template", "failsoft", chart, "--set", f"{value}={made}")

    assert refused.returncode != 0
    assert f"the chart itself calls a Secret {made}" in refused.stderr
    assert "give yours another name" in refused.stderr


def test_made_secrets_are_long_and_different(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    values = [
        value
        for manifest in defaults()
        if manifest["kind"] == "Secret"
        for value in manifest["data"].values()
    ]

    assert len(set(values)) == len(values) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{80,}={0,2}", value) for value in values)


def test_secrets_outlive_the_release_only_on_demand(
    defaults: Callable[..., list[dict[str, Any]]],
) -> None:
    for keep, policy in [("false", None), ("true", "keep")]:
        made = defaults("--set", f"keepSecrets={keep},metrics.enabled=true")
        secrets = [each["metadata"] for each in made if each["kind"] == "Secret"]
        assert len(secrets) == 4
        for secret in secrets:
            assert secret.get("annotations", {}).get("helm.sh/resource-policy") == policy
