"""What is said to an operator before anything is asked of a hub."""

import pytest

from failsoft_local_llm.adapters.store.hub import HubSource
from failsoft_local_llm.core.catalogue import Hub, Weights
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.store.files import NotStored


def source(endpoint: str) -> HubSource:
    weights, hub = from_hub()
    return HubSource(weights, hub, token=None, endpoint=endpoint)


def from_hub() -> tuple[Weights, Hub]:
    """Some weights that are fetched from the hub."""
    for weights in CATALOGUE.weights:
        if isinstance(weights.source, Hub):
            return weights, weights.source
    raise AssertionError("the catalogue knows the hub")


@pytest.mark.parametrize(
    "endpoint",
    ["http://mirror:port", "http://[::1", "mirror.example", "http://", "ftp://x", "http://x:99999"],
)
def test_an_endpoint_that_is_no_address_is_refused_by_its_variable(endpoint: str) -> None:
    """It was a traceback, or half a minute of tries."""
    with pytest.raises(NotStored) as refusal:
        source(endpoint)

    assert "HF_ENDPOINT" in str(refusal.value)
    assert endpoint in str(refusal.value)


@pytest.mark.parametrize("endpoint", ["https://mirror.example/hub/", "http://[::1]:8080"])
def test_a_mirror_may_be_anywhere(endpoint: str) -> None:
    assert source(endpoint).place.startswith(endpoint.rstrip("/"))
