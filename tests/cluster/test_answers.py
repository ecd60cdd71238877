"""What an application in the cluster gets, while all is well and while a provider is not."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

DOORS = ["grpc", "openai"]


@pytest.mark.parametrize("door", DOORS)
def test_the_clusters_own_model_answers(release: "Release", callers: "Callers", door: str) -> None:
    answer = callers.ask(door, "local")

    assert answer.error == ""
    assert answer.text
    assert answer.served_by == "local-llama"


@pytest.mark.parametrize("door", DOORS)
def test_when_a_provider_fails_the_next_target_answers_and_the_caller_is_told(
    release: "Release", callers: "Callers", door: str
) -> None:
    callers.let_provider_fail("status=500")

    answer = callers.ask(door, "chat")

    assert answer.text
    assert (answer.served_by, answer.degradation) == ("local-llama", "fallback_target")
    assert answer.hops == [["cloud", "failed", "transient"], ["local-llama", "served", ""]]


def test_the_charts_own_test_gets_its_answers(release: "Release", callers: "Callers") -> None:
    """`helm test`, as the notes of an installation have it."""
    said = release.test()

    assert "gRPC: answered by cloud" in said
    assert "HTTP: answered by" in said
