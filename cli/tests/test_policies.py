"""The policies that come with the command are such as the router takes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from failsoft_cli.addresses import Ports
from failsoft_cli.demo.acts import CLOUD, FIRST_CONTENT, FRESH_FOR, LOCAL
from failsoft_cli.policies import shipped
from failsoft_router.adapters.policy_file import load_policy
from failsoft_router.core.policy import Policy
from failsoft_router.core.route import route_for

PORTS = Ports(router=1001, local_llm=1002, cache=1003, admin=1004)

Load = Callable[[str], Policy]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(name: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(shipped(name, PORTS, cloud=1005), encoding="utf-8")
        return load_policy(file)

    return load


def test_the_default_policy_asks_the_cloud_first_and_ends_with_a_mock(load: Load) -> None:
    policy = load("default")

    for route in policy.routes.values():
        assert set(route.hops[:3]) == {"openai", "claude", "gemini"}
        assert route.hops[3:] == ("local-llama", "cache", "mock")
    assert [route.name for route in policy.routes.values() if route.default] == ["chat"]


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("gpt-4o-mini", "openai"),
        ("gpt-5.6-luna", "openai"),
        ("o4-mini", "openai"),
        ("claude-haiku-4-5", "claude"),
        ("claude-opus-5", "claude"),
        ("gemini-flash-latest", "gemini"),
        ("gemini-3.1-pro-preview", "gemini"),
        ("", "openai"),
        ("a-model-of-tomorrow", "openai"),
    ],
)
def test_the_names_that_applications_send_lead_to_their_provider_first(
    load: Load, model: str, first: str
) -> None:
    assert route_for(load("default"), model).hops[0] == first


@pytest.mark.parametrize(
    ("target", "file", "variable"),
    [
        ("openai", "openai", "OPENAI_API_KEY"),
        ("claude", "anthropic", "ANTHROPIC_API_KEY"),
        ("gemini", "gemini", "GEMINI_API_KEY"),
    ],
)
def test_the_default_policys_keys_lie_beside_it(
    load: Load, tmp_path: Path, target: str, file: str, variable: str
) -> None:
    credential = load("default").targets[target].credential

    assert credential is not None
    assert credential.file == str(tmp_path / "secrets" / file)
    assert credential.env == variable


@pytest.mark.parametrize("name", ["default", "demo"])
def test_mocks_are_allowed_on_ones_own_machine(load: Load, name: str) -> None:
    assert load(name).tenant("default").allow_mock


@pytest.mark.parametrize("name", ["default", "demo"])
def test_the_local_model_is_where_it_was_started(load: Load, name: str) -> None:
    assert load(name).targets["local-llama"].endpoint == "127.0.0.1:1002"


def test_the_demos_cloud_is_where_it_was_started(load: Load) -> None:
    assert load("demo").targets[CLOUD].endpoint == "http://127.0.0.1:1005/v1"


def test_the_acts_expect_what_the_demos_policy_says(load: Load) -> None:
    policy = load("demo")
    (route,) = policy.routes.values()

    assert policy.targets[CLOUD].limits.first_content == FIRST_CONTENT
    assert LOCAL in policy.targets
    assert route.cache is not None
    assert route.cache.fresh_for == FRESH_FOR
