"""What Helm prints at the end is true of what it has installed."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

pytestmark = pytest.mark.chart

PEER = "[0].podSelector.matchLabels.a=b"
CALLERS = "so an Ingress or Gateway controller has to be one of them"
VALKEY = "outside of the cluster only where `networkPolicy.valkey` says"
COLLECTOR = "outside of the cluster only where `networkPolicy.collector` says"


@pytest.fixture
def notes(
    helm: Callable[..., CompletedProcess[str]], chart: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """Those of an installation with these settings."""
    monkeypatch.setenv("KUBECONFIG", "/dev/null")

    def printed(settings: str) -> str:
        made = helm("install", "failsoft", chart, "--dry-run=client", "--set", settings)
        assert made.returncode == 0, made.stderr
        return made.stdout.partition("NOTES:")[2]

    return printed


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (f"networkPolicy.callers{PEER}", CALLERS),
        ("valkey.url=valkey://valkey:6379", VALKEY),
        ("valkey.existingSecret=ours", VALKEY),
        ("telemetry.otlpEndpoint=http://collector:4317", COLLECTOR),
    ],
)
def test_who_would_be_shut_out_without_a_word_is_told(
    notes: Callable[[str], str], settings: str, word: str
) -> None:
    assert word in notes(settings)


@pytest.mark.parametrize(
    ("settings", "secret", "name"),
    [
        ("mtls.enabled=true", "failsoft-router-front-tls", "failsoft-router"),
        ("router.tls.existingSecret=ours", "ours", "failsoft-router"),
        (
            "router.tls.issuer.name=ours,router.tls.dnsNames={llm.example.com,x.test}",
            "failsoft-router-front-tls",
            "llm.example.com",
        ),
    ],
)
def test_operators_are_told_whom_to_trust_by_which_name(
    notes: Callable[[str], str], settings: str, secret: str, name: str
) -> None:
    told = notes(f"router.tls.enabled=true,{settings}")

    assert f"get secret {secret} --output 'jsonpath={{.data.ca\\.crt}}'" in told
    assert f"--server-name {name}\n" in told


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ("router.replicas=1", CALLERS),
        (f"valkey.url=valkey://valkey:6379,networkPolicy.valkey{PEER}", VALKEY),
        ("valkey.own.enabled=true", VALKEY),
        ("telemetry.jaeger.enabled=true", COLLECTOR),
        ("valkey.existingSecret=ours,networkPolicy.enabled=false", VALKEY),
    ],
)
def test_nobody_else_is(notes: Callable[[str], str], settings: str, word: str) -> None:
    assert word not in notes(settings)


def test_the_api_server_is_said_to_be_where_it_is_looked_for(notes: Callable[[str], str]) -> None:
    """Here there is no cluster to ask."""
    anywhere = "every address at 443 and 6443, private ones included"
    named = "networkPolicy.apiServer[0].ipBlock.cidr=10.96.0.1/32"

    assert anywhere in notes("router.replicas=1")
    assert anywhere not in notes(named)
    assert anywhere not in notes("router.watchEndpoints=false")
