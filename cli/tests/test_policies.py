"""The policies that come with the command are such as the router takes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from failsoft_cli.addresses import Ports
from failsoft_cli.demo.acts import CLOUD, FIRST_CONTENT, FRESH_FOR, LOCAL
from failsoft_cli.policies import shipped
from failsoft_router.adapters.policy_file import load_policy
from failsoft_router.core.policy import Policy

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
    (route,) = load("default").routes.values()

    assert route.hops == ("openai-mini", "local-llama", "cache", "mock")
    assert route.default


def test_the_default_policys_key_lies_beside_it(load: Load, tmp_path: Path) -> None:
    credential = load("default").targets["openai-mini"].credential

    assert credential is not None
    assert credential.file == str(tmp_path / "secrets/openai")
    assert credential.env == "OPENAI_API_KEY"


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
