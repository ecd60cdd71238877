"""A release's whole life by each Helm that is here, and what it leaves behind."""

import re
from collections.abc import Iterator

import helm3_program
import pytest
from on_cluster.kubectl import Namespace
from on_cluster.release import CHART, LITTLE, Release, image_options, new_release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

OF_EVERY_NAMESPACE = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
MINIMAL = f"--values={CHART / 'values-minimal.yaml'}"


@pytest.fixture(params=["helm", "helm3"])
def small(cluster: None, request: pytest.FixtureRequest) -> Iterator[Release]:
    """A release of its own, not installed yet."""
    program: str = request.param
    if program == "helm3":
        if not helm3_program.is_built():
            pytest.skip(helm3_program.MISSING)
        program = str(helm3_program.PROGRAM)
    with new_release((MINIMAL, *image_options(), *LITTLE), helm=program) as release:
        yield release


def test_a_release_answers_is_upgraded_and_rolled_back_and_leaves_nothing(small: Release) -> None:
    small.install()
    first = small.test(logs=False)
    small.upgrade("--set=router.replicas=2")
    upgraded = len(small.pods("router"))
    small.rollback()
    rolled_back = len(small.pods("router"))
    last = small.test(logs=False)
    small.uninstall()

    for said in (first, last):
        assert re.search(r"^Phase: +Succeeded$", said, re.MULTILINE)
    assert (upgraded, rolled_back) == (2, 1)
    assert left_in(small.namespace) == set()


def test_nothing_is_left_but_the_secrets_that_are_to_be_kept(small: Release) -> None:
    small.install("--set=keepSecrets=true", "--set=localLlm.replicas=0")
    small.uninstall()

    assert left_in(small.namespace) == {
        "secret/failsoft-api-keys",
        "secret/failsoft-cache-secret",
        "secret/failsoft-service-token",
        "secret/failsoft-valkey",
    }


def left_in(namespace: Namespace) -> set[str]:
    """All objects of every kind, but events, readings, and what each namespace has."""
    listed = namespace.kubectl("api-resources", "--verbs=list", "--namespaced", "--output=name")
    kinds = [kind for kind in listed.split() if not kind.startswith(("events", "pods.metrics"))]
    found = namespace.kubectl("get", ",".join(kinds), "--output=name", "--ignore-not-found")
    return set(found.split()) - OF_EVERY_NAMESPACE
