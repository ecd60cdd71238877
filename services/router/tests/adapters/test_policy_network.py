"""The way to a target in somebody else's network: its proxy, its authority."""

from pathlib import Path

import pytest

from failsoft_kit.settings import SettingsError
from failsoft_router.adapters.policy_file import load_policy

SMALLEST = """
targets:
  a: {{provider: openai, model: m, {written}}}
routes:
  chat: {{hops: [a]}}
"""


def problems(folder: Path, written: str) -> list[str]:
    file = folder / "policy.yaml"
    file.write_text(SMALLEST.format(written=written))
    with pytest.raises(SettingsError) as refusal:
        load_policy(file)
    return list(refusal.value.problems)


@pytest.mark.parametrize(
    ("written", "place", "wrong"),
    [
        ('proxy: "https://proxy:3128"', "proxy", "must be the URL of an HTTP proxy"),
        ('proxy: "proxy:3128"', "proxy", "must be the URL of an HTTP proxy"),
        ('proxy: "socks5://proxy:1080"', "proxy", "must be the URL of an HTTP proxy"),
        ('proxy: "http://me:secret@proxy:3128"', "proxy", "must not hold a password"),
        ("proxy_credential: {env: PROXY}", "proxy_credential", "is for a `proxy`"),
        (
            'proxy: "http://proxy:3128", proxy_credential: {}',
            "proxy_credential",
            "must name a `file` or an `env` variable",
        ),
        ("ca_file: nowhere.pem", "ca_file", "cannot be read: No such file or directory"),
        ("ca_file: policy.yaml", "ca_file", "holds no certificate in PEM"),
        (
            'endpoint: "http://127.0.0.1/v1", allow_private: true, ca_file: policy.yaml',
            "ca_file",
            "vouches for nobody",
        ),
    ],
)
def test_a_way_that_leads_nowhere_is_refused_with_its_place(
    tmp_path: Path, written: str, place: str, wrong: str
) -> None:
    (problem,) = problems(tmp_path, written)

    assert problem.startswith(f"`targets.a.{place}`")
    assert f"line 3) {wrong}" in problem
    assert "secret" not in problem


def test_a_proxy_is_for_providers_over_http_only(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    written = 'endpoint: "local-llm:50051", proxy: "http://proxy:3128"'
    file.write_text(SMALLEST.format(written=written).replace("openai", "failsoft"))

    with pytest.raises(SettingsError) as refusal:
        load_policy(file)

    (problem,) = refusal.value.problems
    assert "line 3) is for providers over HTTP" in problem


@pytest.mark.parametrize(
    "endpoint", ["kubernetes:///local-llm:50051", "kubernetes://models/local-llm:grpc"]
)
def test_a_service_of_the_cluster_has_a_namespace_and_a_port(tmp_path: Path, endpoint: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        SMALLEST.format(written=f'endpoint: "{endpoint}"').replace("openai", "failsoft")
    )

    with pytest.raises(SettingsError) as refusal:
        load_policy(file)

    (problem,) = refusal.value.problems
    assert "line 3) must name a service and its port" in problem
