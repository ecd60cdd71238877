"""What became of a request in the cluster is seen in Jaeger, over all services."""

from typing import TYPE_CHECKING

import pytest
from jaeger_query import Jaeger

if TYPE_CHECKING:
    from on_cluster.callers import Callers
    from on_cluster.jaeger import JaegerService
    from on_cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

ROUTER, CACHE, LOCAL_LLM = "failsoft-router", "failsoft-cache", "failsoft-local-llm"
INFERENCE = "failsoft.inference.v1.InferenceService"
LOOKUP = "failsoft.cache.v1.CacheService/Lookup"
WALK = f"{ROUTER} failsoft.walk"
CLOUD, LOCAL = f"{ROUTER} failsoft.hop cloud", f"{ROUTER} failsoft.hop local-llama"
LOCAL_CALL = f"{ROUTER} chat smollm2-135m-instruct"
ROOTS = {"grpc": f"{ROUTER} {INFERENCE}/Generate", "openai": f"{ROUTER} POST /v1/chat/completions"}


@pytest.mark.parametrize("door", ROOTS)
def test_jaeger_has_the_whole_tree_of_a_fallback(
    jaeger: "JaegerService", release: "Release", callers: "Callers", door: str
) -> None:
    callers.let_provider_fail("status=500")

    answer = callers.ask(door, "chat")

    tree = frozenset(
        {
            ("", ROOTS[door]),
            (ROOTS[door], WALK),
            (WALK, f"{ROUTER} {LOOKUP}"),
            (f"{ROUTER} {LOOKUP}", f"{CACHE} {LOOKUP}"),
            (WALK, CLOUD),
            (CLOUD, f"{ROUTER} chat gpt-5-mini"),
            (WALK, LOCAL),
            (LOCAL, LOCAL_CALL),
            (LOCAL_CALL, f"{LOCAL_LLM} {INFERENCE}/StreamGenerate"),
        }
    )
    with jaeger.query_url() as url:
        trace = Jaeger(url).wait_for_edges(answer.trace_id, tree)
    assert trace.one(LOCAL).follows == (trace.one(CLOUD).id,)
    assert trace.one(WALK).tags["failsoft.served_by"] == "local-llama"
