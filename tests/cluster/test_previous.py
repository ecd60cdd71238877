"""From one release to the next: whichever pods are replaced first, nobody who asks notices it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from on_cluster.callers import Callers, neighbours_of
from on_cluster.load import nothing_was_lost
from on_cluster.previous import Previous, build_previous
from on_cluster.release import COMPONENTS, LITTLE, Release, image_options, new_release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(1800)]

CALLING = {"grpc": 1, "headless": 2, "http": 2, "local": 1}
"""Workers of each kind."""


@pytest.fixture(scope="module")
def previous(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Previous:
    """The tree of deploy/PREVIOUS, with its images in the cluster."""
    return build_previous(tmp_path_factory.mktemp("previous"))


@pytest.fixture
def old(previous: Previous) -> Iterator[Release]:
    """It is installed."""
    with new_release((*previous.options, *LITTLE), chart=previous.chart) as release:
        release.put_provider_key("guarded", "a key")
        release.install()
        yield release


@pytest.fixture
def old_callers(old: Release) -> Iterator[Callers]:
    with neighbours_of(old) as callers:
        yield callers


@pytest.mark.parametrize(
    "later",
    [(), ("cache", "local-llm"), ("router",)],
    ids=["at-once", "router-first", "router-last"],
)
def test_an_upgrade_from_the_previous_release_loses_no_stream(
    old: Release, old_callers: Callers, later: Sequence[str]
) -> None:
    """In one step, or in two: new routers before old services meanwhile, or the other way round."""
    sooner = [component for component in COMPONENTS if component not in later]
    images = {component: old.image(component) for component in COMPONENTS}
    new = Release(
        namespace=old.namespace,
        options=("--reset-then-reuse-values", "--set=image.tag=", *image_options()),
    )

    load = old_callers.start_load(**CALLING)
    for component in later:
        old.hold(component)
    with rolled(old, sooner):
        new.upgrade(wait=False)
    nothing_was_lost(load.stop())

    load = old_callers.start_load(**CALLING)
    assert {each for each in COMPONENTS if new.image(each) == images[each]} == set(later)
    assert old_callers.health()["status"] == "ready"
    with rolled(new, later):
        for component in later:
            new.let_go(component)
    nothing_was_lost(load.stop())

    assert [each for each in COMPONENTS if new.image(each) == images[each]] == []


@contextmanager
def rolled(release: Release, components: Sequence[str]) -> Iterator[None]:
    """What the block has begun is over: these have new pods, which are ready, and no old ones."""
    old = [pod["metadata"]["name"] for each in components for pod in release.pods(each)]
    yield
    release.wait_until_ready(*components)
    release.wait_until_gone(old)
