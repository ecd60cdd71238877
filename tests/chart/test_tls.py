"""TLS between the services, and at the router's front door: by cert-manager, or by Secrets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from network_policy import Peer, may_reach, pod_of

pytestmark = pytest.mark.chart

Manifest = dict[str, Any]
Manifests = list[Manifest]
Render = Callable[..., Manifests]

CERT_MANAGER = "cert-manager.io/v1"
ETC = "/etc/failsoft/"
TEXT = {"type": "string", "minLength": 1}
ISSUER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "kind", "group"],
    "properties": {"name": TEXT, "kind": TEXT, "group": TEXT},
}
CERTIFICATE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["secretName", "issuerRef"],
    "properties": {
        "secretName": TEXT,
        "issuerRef": ISSUER,
        "commonName": {"type": "string", "maxLength": 64},
        "dnsNames": {"type": "array", "minItems": 1, "items": TEXT},
        "isCA": {"type": "boolean"},
        "duration": {"type": "string", "pattern": "^[0-9]+h$"},
        "renewBefore": {"type": "string", "pattern": "^[0-9]+h$"},
        "usages": {"items": {"enum": ["digital signature", "server auth", "client auth"]}},
        "privateKey": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "algorithm": {"const": "ECDSA"},
                "size": {"enum": [256, 384]},
                "rotationPolicy": {"enum": ["Always", "Never"]},
            },
        },
    },
}
"""What of cert-manager's `Certificate` the chart uses, as cert-manager's documentation has it."""


def kind(manifests: Manifests, wanted: str) -> Manifests:
    return [each for each in manifests if each["kind"] == wanted]


def component(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["labels"]["app.kubernetes.io/component"]
    return name


def deployment(manifests: Manifests, name: str) -> Manifest:
    [found] = [each for each in kind(manifests, "Deployment") if component(each) == name]
    return found


def settings(manifests: Manifests, name: str) -> dict[str, Any]:
    """What the service is configured with."""
    [found] = [
        yaml.safe_load(each["data"]["config.yaml"])
        for each in kind(manifests, "ConfigMap")
        if component(each) == name and "config.yaml" in each["data"]
    ]
    [section] = found.values()
    return dict(section)


def certificate(manifests: Manifests, name: str) -> dict[str, Any]:
    """The specification of the Certificate of that name."""
    [found] = [
        each["spec"] for each in kind(manifests, "Certificate") if each["metadata"]["name"] == name
    ]
    return dict(found)


def files_of(manifest: Manifest) -> dict[str, str]:
    """Each file that a Secret puts below /etc/failsoft, and that Secret's name."""
    pod = manifest["spec"]["template"]["spec"]
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "etc"]
    return {
        ETC + item["path"]: source["secret"]["name"]
        for source in volume["projected"]["sources"]
        if "secret" in source
        for item in source["secret"]["items"]
    }


def test_it_is_off_unless_it_is_asked_for(defaults: Render) -> None:
    made = defaults()

    assert [each for each in made if each["apiVersion"] == CERT_MANAGER] == []
    for name in ("router", "cache", "local-llm"):
        assert not {"tls", "client_tls", "health_address"} & settings(made, name).keys()


def test_every_certificate_is_one_that_cert_manager_understands(manifests: Manifests) -> None:
    for each in kind(manifests, "Certificate"):
        Draft202012Validator(CERTIFICATE).validate(each["spec"])
        assert each["metadata"]["name"]


def test_who_calls_by_tls_has_to_show_the_service_token_too(manifests: Manifests) -> None:
    """An issuer may give others the router's name."""
    for name in ("cache", "local-llm"):
        made = settings(manifests, name)
        assert "tls" not in made or (made["tls"]["services"] and made["service_token_file"])


def test_files_of_one_end_are_of_one_secret(manifests: Manifests) -> None:
    """Else a certificate could be swapped without its key."""
    for name in ("router", "cache", "local-llm"):
        found = files_of(deployment(manifests, name))
        for folder in ("tls/", "front/"):
            assert len({found[path] for path in found if path.startswith(ETC + folder)}) <= 1


class TestByCertManager:
    @pytest.fixture
    def made(self, defaults: Render) -> Manifests:
        return defaults("--set", "mtls.enabled=true")

    def test_each_service_has_a_certificate_for_the_name_that_the_router_calls(
        self, made: Manifests
    ) -> None:
        cache = certificate(made, "failsoft-cache-mtls")
        called = settings(made, "router")["cache_address"]

        assert called.removeprefix("dns:///").rpartition(":")[0] in cache["dnsNames"]
        model = certificate(made, "failsoft-local-llm-mtls")
        # What endpoints of `kubernetes:///failsoft/failsoft-local-llm:50051` have to be for.
        assert "failsoft-local-llm.failsoft.svc" in model["dnsNames"]
        # Without endpoints that are watched.
        assert "failsoft-local-llm" in model["dnsNames"]

    def test_cache_and_model_let_in_the_router_by_a_name_in_its_certificate(
        self, made: Manifests
    ) -> None:
        router = certificate(made, "failsoft-router-mtls")
        for name in ("cache", "local-llm"):
            tls = settings(made, name)["tls"]
            assert tls["client_ca_file"]
            assert set(tls["services"]) <= set(router["dnsNames"])

    def test_a_certificate_is_for_one_end_only(self, made: Manifests) -> None:
        """Who takes the cache's must not be able to call as anybody."""
        ends = {
            name: certificate(made, f"failsoft-{name}-mtls")["usages"]
            for name in ("router", "cache", "local-llm")
        }
        assert "server auth" not in ends["router"]
        assert "client auth" not in ends["cache"] + ends["local-llm"]

    def test_every_service_gets_its_own_certificate_and_no_other(self, made: Manifests) -> None:
        for name in ("router", "cache", "local-llm"):
            files = files_of(deployment(made, name))
            assert files[f"{ETC}tls/tls.key"] == f"failsoft-{name}-mtls"

    def test_an_authority_of_the_release_vouches_for_all(self, made: Manifests) -> None:
        authority = certificate(made, "failsoft-mtls-authority")
        [issuer] = [each for each in kind(made, "Issuer") if "ca" in each["spec"]]

        assert authority["isCA"]
        assert issuer["spec"]["ca"]["secretName"] == authority["secretName"]
        for name in ("router", "cache", "local-llm"):
            issued_by = certificate(made, f"failsoft-{name}-mtls")["issuerRef"]["name"]
            assert issued_by == issuer["metadata"]["name"]

    def test_an_issuer_that_is_named_takes_the_authority_s_place(self, defaults: Render) -> None:
        made = defaults(
            "--set", "mtls.enabled=true,mtls.issuer.name=ours,mtls.issuer.kind=ClusterIssuer"
        )
        issuers = [each["spec"]["issuerRef"] for each in kind(made, "Certificate")]

        assert kind(made, "Issuer") == []
        assert issuers == 3 * [
            {"name": "ours", "kind": "ClusterIssuer", "group": "cert-manager.io"}
        ]

    def test_the_charts_policy_calls_the_model_by_tls(self, made: Manifests) -> None:
        assert policy(made)["targets"]["local-llama"]["tls"] is True

    def test_probes_have_a_port_of_their_own_that_nobody_else_reaches(
        self, made: Manifests
    ) -> None:
        """The node's probes pass every policy."""
        for name in ("cache", "local-llm"):
            probed = deployment(made, name)
            [container] = probed["spec"]["template"]["spec"]["containers"]
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            assert settings(made, name)["health_address"] == f"0.0.0.0:{ports['health']}"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["grpc"]["port"] == ports["health"]
            router = pod_of(deployment(made, "router"))
            assert not may_reach(made, router, pod_of(probed), ports["health"])
            assert not may_reach(made, Peer(namespace="x"), pod_of(probed), ports["health"])

    def test_the_router_s_callers_notice_nothing(self, made: Manifests) -> None:
        assert "tls" not in settings(made, "router")


class TestAtTheFrontDoor:
    @pytest.fixture
    def made(self, chart: Path, render: Render) -> Manifests:
        return render(chart / "ci" / "mtls-values.yaml")

    def test_callers_show_no_certificate(self, made: Manifests) -> None:
        assert settings(made, "router")["tls"].keys() == {"certificate_file", "key_file"}

    def test_its_certificate_is_for_the_names_that_callers_use(self, made: Manifests) -> None:
        front = certificate(made, "failsoft-router-front-tls")
        assert front["dnsNames"] == ["llm.example.com"]
        assert front["issuerRef"]["name"] == "letsencrypt"

    def test_helm_test_asks_by_tls(self, made: Manifests) -> None:
        [test] = [each for each in kind(made, "Pod") if component(each) == "test"]
        [container] = test["spec"]["containers"]
        assert container["args"][-3:] == [
            "--certificate",
            "/etc/failsoft/router.crt",
            "llm.example.com",
        ]
        [volume] = test["spec"]["volumes"]
        assert "tls.key" not in str(volume)

    def test_the_chart_s_authority_is_good_for_it_too(self, defaults: Render) -> None:
        made = defaults("--set", "mtls.enabled=true,router.tls.enabled=true")
        front = certificate(made, "failsoft-router-front-tls")
        assert front["issuerRef"]["name"] == "failsoft-mtls"
        assert {"failsoft-router", "failsoft-router-headless"} <= set(front["dnsNames"])


class TestBySecrets:
    @pytest.fixture
    def made(self, chart: Path, render: Render) -> Manifests:
        return render(chart / "ci" / "mtls-secrets-values.yaml")

    def test_cert_manager_is_not_needed(self, made: Manifests) -> None:
        assert [each for each in made if each["apiVersion"] == CERT_MANAGER] == []

    def test_each_service_has_its_own(self, made: Manifests) -> None:
        secrets = {
            name: files_of(deployment(made, name))[f"{ETC}tls/tls.key"]
            for name in ("router", "cache", "local-llm")
        }
        assert secrets == {"router": "our-router", "cache": "our-cache", "local-llm": "our-model"}
        assert files_of(deployment(made, "router"))[f"{ETC}front/tls.key"] == "our-front"

    def test_the_router_is_known_by_the_names_given(self, made: Manifests) -> None:
        spiffe = ["spiffe://cluster.local/ns/failsoft/sa/router"]
        assert settings(made, "cache")["tls"]["services"] == spiffe


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("mtls.enabled=true,mtls.existingSecrets.cache=a", "name all three or none"),
        ("router.tls.enabled=true", "router.tls needs a certificate"),
        ("mtls.enabled=true,mtls.routerNames={spiffe://x/router}", "take them away"),
    ],
)
def test_values_that_cannot_work_are_refused(
    helm: Callable[..., Any], chart: Path, values: str, says: str
) -> None:
    made = helm("template", "failsoft", chart, "--set", values)

    assert made.returncode != 0
    assert says in made.stderr


def policy(manifests: Manifests) -> dict[str, Any]:
    [text] = [
        each["data"]["policy.yaml"]
        for each in kind(manifests, "ConfigMap")
        if each["metadata"]["name"] == "failsoft-router-policy"
    ]
    return dict(yaml.safe_load(text))
