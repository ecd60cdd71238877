"""What the chart made once stays as it is when the chart is installed over itself.

Helm looks into a cluster for that. Here it looks into an API server of our own that has
nothing but discovery and a few objects, because that is all that the chart asks for.
"""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from installed_cluster import ApiServer

pytestmark = pytest.mark.chart


@pytest.fixture
def secrets(upgraded: Callable[..., list[dict[str, Any]]]) -> Callable[..., dict[str, Any]]:
    """What would be in each Secret after an upgrade, in clear text."""

    def told(*arguments: str) -> dict[str, Any]:
        return {
            manifest["metadata"]["name"]: {
                key: base64.b64decode(value).decode() for key, value in manifest["data"].items()
            }
            for manifest in upgraded(*arguments)
            if manifest["kind"] == "Secret"
        }

    return told


def test_an_upgrade_keeps_the_secrets_that_are_there(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """Another token would cut the services off from each other and from every caller."""
    cluster.has_secret("failsoft-service-token", token="t" * 64)
    cluster.has_secret("failsoft-cache-secret", **{"master-secret": "m" * 64})
    cluster.has_secret("failsoft-api-keys", **{"api-keys": "{}\n", "first-key": "fs_"})

    assert secrets() == {
        "failsoft-api-keys": {"api-keys": "{}\n", "first-key": "fs_"},
        "failsoft-service-token": {"token": "t" * 64},
        "failsoft-cache-secret": {"master-secret": "m" * 64},
    }


def test_an_upgrade_brings_no_first_key_back_that_was_taken_away(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """Who has read it takes it out of the Secret; keys that were added stay."""
    cluster.has_secret("failsoft-api-keys", **{"api-keys": "{}\n{}\n"})

    assert secrets()["failsoft-api-keys"] == {"api-keys": "{}\n{}\n"}


def test_the_charts_own_valkey_keeps_its_password(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """A running Valkey does not read its settings again, and the cache's address must fit."""
    cluster.has_secret("failsoft-valkey", **{"password": "p" * 64, "router-password": "r" * 64})

    made = secrets("--set", "valkey.own.enabled=true")["failsoft-valkey"]

    cache, routers = made["valkey.conf"].splitlines()
    assert cache == f"requirepass {'p' * 64}"
    assert routers.startswith(f"user router on >{'r' * 64} ")
    assert made["url"] == f"valkey://:{'p' * 64}@failsoft-valkey:6379/0"
    assert made["router-url"] == f"valkey://router:{'r' * 64}@failsoft-valkey:6379/0"


def test_what_is_not_there_yet_is_made(
    cluster: ApiServer, secrets: Callable[..., dict[str, Any]]
) -> None:
    """Also where the Secret is there without its key, as after a change of `serviceToken.key`."""
    cluster.has_secret("failsoft-service-token", another="t" * 64)

    made = secrets()

    assert made["failsoft-api-keys"].keys() == {"api-keys", "first-key"}
    assert len(made["failsoft-service-token"]["token"]) == 64
    assert len(made["failsoft-cache-secret"]["master-secret"]) == 64
