"""A policy names a Kubernetes service in one way, and nothing else is taken for one."""

import pytest

from failsoft_router.core.service_address import ServiceAddress, is_watched, service_address


def test_an_address_is_a_namespace_a_service_and_a_port() -> None:
    found = service_address("kubernetes:///models/failsoft-local-llm:grpc")

    assert found == ServiceAddress(namespace="models", service="failsoft-local-llm", port="grpc")
    assert found.host == "failsoft-local-llm.models.svc"


def test_a_port_may_be_a_number() -> None:
    found = service_address("kubernetes:///models/local-llm:50051")

    assert found is not None
    assert found.port == "50051"


@pytest.mark.parametrize(
    "endpoint",
    [
        "kubernetes:///models/local-llm",
        "kubernetes:///local-llm:50051",
        "kubernetes://models/local-llm:50051",
        "kubernetes:///models/local-llm:50051/",
        "kubernetes:///models/Local:50051",
        "kubernetes:///models/local-llm:",
        "kubernetes:///../secrets:50051",
        "kubernetes:///models/local-llm?watch=1:50051",
        "kubernetes:models/local-llm:50051",
    ],
)
def test_what_breaks_the_rule_is_meant_as_one_and_is_none(endpoint: str) -> None:
    """Its parts become parts of a URL, so they are names and nothing more."""
    assert is_watched(endpoint)
    assert service_address(endpoint) is None


@pytest.mark.parametrize("endpoint", ["dns:///local-llm:50051", "127.0.0.1:50051", ""])
def test_other_endpoints_are_not_watched(endpoint: str) -> None:
    assert not is_watched(endpoint)
    assert service_address(endpoint) is None
