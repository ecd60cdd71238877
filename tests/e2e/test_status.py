"""What `failsoft up` started is all there, and says how it is."""

import json
from typing import TYPE_CHECKING

import pytest
from health_schema import mistakes

from failsoft_cli.addresses import on_loopback

if TYPE_CHECKING:
    from tests.e2e.conftest import Failsoft, Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_the_whole_stack_is_told_with_the_engine_of_its_model(
    up: "Up", failsoft: "Failsoft"
) -> None:
    """The cache tells our own services only: the router shows it their token."""
    address = on_loopback(up.ports.http)

    done = failsoft("status", "--json", "--address", address, "--data", str(up.data))

    document = json.loads(done.stdout)
    assert mistakes(document) == []
    services = {each["name"]: each for each in document["services"]}
    assert list(services) == ["router", "cache", "local-llama"]
    assert all(each["ready"] for each in services.values()), document["why"]
    assert not services["cache"]["degraded"], document["why"]
    assert services["local-llama"]["engine"]["name"] == "openvino"
