"""What an uninstalled release leaves behind."""

import secrets
from collections.abc import Iterator

import pytest
from on_cluster.kubectl import Namespace
from on_cluster.release import CHART, Release, image_options

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

OF_EVERY_NAMESPACE = {"configmap/kube-root-ca.crt", "serviceaccount/default"}


@pytest.fixture
def small(cluster: None) -> Iterator[Release]:
    """A release of its own without a model, which fits beside the other one; not installed yet."""
    namespace = Namespace(name=f"failsoft-test-{secrets.token_hex(3)}")
    namespace.create({})
    minimal = f"--values={CHART / 'values-minimal.yaml'}"
    try:
        yield Release(
            namespace=namespace,
            options=(minimal, *image_options(), "--set=localLlm.replicas=0"),
        )
    finally:
        namespace.delete()


def test_nothing_is_left_but_the_secrets_that_are_to_be_kept(small: Release) -> None:
    small.install()
    small.uninstall()
    nothing = left_in(small.namespace)
    small.install("--set=keepSecrets=true")
    small.uninstall()

    assert nothing == set()
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
