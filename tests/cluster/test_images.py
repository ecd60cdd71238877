"""What the images are made of: the same twice, little, and nothing that builds."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from on_cluster import images
from on_cluster.release import COMPONENTS, workload

if TYPE_CHECKING:
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]

MOST_BYTES = 150_000_000
"""That the router may add to its base."""

FIND = """\
import importlib.util, json, shutil
modules = ("pip", "setuptools", "wheel", "ensurepip", "pkg_resources")
programs = ("pip", "pip3", "wheel", "uv", "gcc", "cc", "make")
found = [name for name in modules if importlib.util.find_spec(name)]
print(json.dumps(found + [name for name in programs if shutil.which(name)]))
"""


@pytest.fixture(scope="module")
def builder() -> images.Builder:
    return images.find_builder()


@pytest.mark.parametrize("python", ["python", "/usr/local/bin/python3"], ids=["ours", "the base's"])
@pytest.mark.parametrize("component", [*COMPONENTS, "valkey"])
def test_nothing_that_builds_or_installs_is_found_in_a_pod(
    release: "Release", component: str, python: str
) -> None:
    pod = workload(component)

    assert release.namespace.kubectl("exec", pod, "--", python, "-c", FIND).strip() == "[]"


@pytest.mark.cluster_full
@pytest.mark.parametrize("service", ["router", "valkey"])
def test_an_image_that_is_built_twice_has_the_same_layers(
    builder: images.Builder, tmp_path: Path, service: str
) -> None:
    """On another day too: nothing in it says when it was built."""
    seen = [built(builder, f"failsoft-twice/{service}:{n}", service, tmp_path) for n in range(2)]

    assert seen[0] == seen[1]
    assert len(seen[0]) > 1


@pytest.mark.cluster_full
def test_the_router_adds_little_to_its_base(builder: images.Builder, tmp_path: Path) -> None:
    base = builder.layers(images.BASE, tmp_path)
    layers = built(builder, "failsoft-size/router:0", "router", tmp_path)

    assert set(base) <= set(layers)
    added = sum(layers.values()) - sum(base.values())
    print(f"the router adds {added / 1e6:.0f} MB")  # noqa: T201 - for who asks by -s
    assert added <= MOST_BYTES


def built(builder: images.Builder, image: str, service: str, folder: Path) -> dict[str, int]:
    """The layers of an image that is built for this, and removed."""
    builder.build(image, target=service, root=ROOT)
    try:
        return dict(builder.layers(image, folder))
    finally:
        builder.remove(image)
