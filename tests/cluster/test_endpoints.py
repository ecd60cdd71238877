"""A router follows which pods of the local model are ready."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_full, pytest.mark.timeout(900)]

NOT_READY = [["local-llama", "skipped", "no_ready_endpoint"]]


def test_a_model_without_pods_is_skipped_at_once_and_back_at_once(
    release: "Release", callers: "Callers"
) -> None:
    release.scale("local-llm", 0)
    without = callers.ask("openai", "either")
    release.scale("local-llm", 1)
    again = callers.ask("openai", "either")

    assert (without.served_by, without.hops[:1]) == ("cloud", NOT_READY)
    assert (again.served_by, again.degradation) == ("local-llama", "none")
