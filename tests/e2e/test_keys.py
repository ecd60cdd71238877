"""API keys from their making to their end, against a router that is a process of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
import yaml
from processes import free_ports, process, wait_until_serving

from failsoft_client import Client, FailsoftRpcError
from failsoft_kit.clock import SystemClock

if TYPE_CHECKING:
    from tests.e2e.conftest import Failsoft

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

SECONDS = 10.0
"""Within which a change of the file is in force; two are promised."""

MOCK_FOR_ACME = {
    "targets": {},
    "routes": {"chat": {"default": True, "hops": ["mock"]}},
    "tenants": {"acme": {"allow_mock": True}},
}


@dataclass(kw_only=True)
class Stage:
    """A router that answers the tenant acme alone, and the command that makes keys for it."""

    failsoft: "Failsoft"
    address: str
    file: Path

    def create(self, *options: str) -> str:
        """A new key."""
        made = self.failsoft("keys", "create", "--file", str(self.file), *options)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def ask(self, key: str | None) -> str:
        """Who answered, or why nobody did."""
        with Client(self.address, token=key, timeout=SECONDS) as client:
            try:
                return client.generate("Hello").served_by
            except FailsoftRpcError as error:
                return error.code.name

    def ask_until(self, answer: str, *, key: str) -> None:
        """Ask over and over; a failure when it doesn't come in time."""
        clock = SystemClock()
        end = clock.now() + SECONDS
        while (given := self.ask(key)) != answer:
            assert clock.now() < end, given


@pytest.fixture(scope="module")
def stage(failsoft: "Failsoft", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("keys")
    keys, policy = folder / "api-keys", folder / "policy.yaml"
    failsoft("keys", "create", "--tenant", "nobody", "--file", str(keys))
    policy.write_text(yaml.safe_dump(MOCK_FOR_ACME))
    address, admin = (f"127.0.0.1:{port}" for port in free_ports(2))
    variables = {
        "FAILSOFT_ROUTER_ADDRESS": address,
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": admin,
        "FAILSOFT_ROUTER_POLICY_FILE": str(policy),
        "FAILSOFT_ROUTER_IDENTITY__KEYS_FILE": str(keys),
    }
    with process(["-m", "failsoft_router"], folder=folder, variables=variables):
        wait_until_serving(address, "failsoft.inference.v1.InferenceService")
        yield Stage(failsoft=failsoft, address=address, file=keys)


def test_a_key_is_good_soon_after_it_was_made_and_until_it_is_revoked(stage: Stage) -> None:
    key = stage.create("--tenant", "acme")

    stage.ask_until("mock", key=key)
    revoked = stage.failsoft("keys", "revoke", key.split("_")[1], "--file", str(stage.file))

    assert revoked.returncode == 0
    stage.ask_until(grpc.StatusCode.UNAUTHENTICATED.name, key=key)


def test_a_key_of_another_tenant_gets_what_that_tenant_gets(stage: Stage) -> None:
    stage.ask_until("UNAVAILABLE", key=stage.create("--tenant", "globex"))


def test_without_a_key_nobody_is_answered(stage: Stage) -> None:
    assert stage.ask(None) == "UNAUTHENTICATED"
    assert stage.ask(f"fs_{'a' * 16}_{'A' * 43}") == "UNAUTHENTICATED"


def test_the_command_line_shows_the_key_of_its_variable(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = stage.create("--tenant", "acme")
    stage.ask_until("mock", key=key)

    refused = stage.failsoft("chat", "--address", stage.address, "Hello")
    monkeypatch.setenv("FAILSOFT_API_KEY", key)
    answered = stage.failsoft("chat", "--address", stage.address, "Hello")

    assert refused.returncode == 1
    assert "an API key (fs_…)" in refused.stderr
    assert "FAILSOFT_API_KEY" in refused.stderr
    assert answered.returncode == 0, answered.stderr
    assert "served by mock" in answered.stdout
