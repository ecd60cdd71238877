"""What a liveness probe learns."""

from failsoft_kit.rpc.health import LIVENESS, Health


def test_a_service_that_is_not_well_is_alive() -> None:
    """Otherwise a model that loads for minutes, or an engine being mended, would be killed."""
    health = Health(["model"])

    assert health.serving("") is False
    assert health.serving(LIVENESS) is True


def test_a_draining_service_is_alive() -> None:
    """Otherwise the longest answers would be cut by the probe."""
    health = Health()

    health.drain()

    assert health.serving("") is False
    assert health.serving(LIVENESS) is True
