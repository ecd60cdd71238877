"""The installation makes one API key, which the router knows by its hash."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.identity.key_file import ApiKeys
from failsoft_kit.identity.principal import Kind, Principal

pytestmark = pytest.mark.chart

Render = Callable[..., list[dict[str, Any]]]


def keys_of(manifests: list[dict[str, Any]]) -> dict[str, str]:
    """What is in the Secret of API keys, in clear text."""
    [secret] = [
        each
        for each in manifests
        if each["kind"] == "Secret" and each["metadata"]["name"] == "failsoft-api-keys"
    ]
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


def test_the_router_knows_the_first_key_as_an_operators(defaults: Render, tmp_path: Path) -> None:
    made = keys_of(defaults())
    file = tmp_path / "api-keys"
    file.write_text(made["api-keys"])

    principal = ApiKeys.from_file(file, clock=SystemClock()).principal(made["first-key"])

    assert principal == Principal(tenant="default", kind=Kind.USER, scopes=frozenset({"operator"}))


def test_each_installation_has_a_first_key_of_its_own(defaults: Render) -> None:
    """What `--set` says makes no difference here but to render anew."""
    one, another = (keys_of(defaults("--set", f"preStopSeconds={n}")) for n in (11, 12))

    assert one["first-key"] != another["first-key"]


def test_the_router_gets_the_hashes_and_not_the_key(defaults: Render) -> None:
    [volume] = [
        volume
        for manifest in defaults()
        if manifest["kind"] == "Deployment" and manifest["metadata"]["name"] == "failsoft-router"
        for volume in manifest["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "etc"
    ]

    assert "first-key" not in str(volume)


def test_keys_of_the_operators_own_take_its_place(defaults: Render) -> None:
    made = defaults("--set", "router.apiKeys.existingSecret=ours,router.apiKeys.key=hashes")

    names = {each["metadata"]["name"] for each in made if each["kind"] == "Secret"}
    assert "failsoft-api-keys" not in names
