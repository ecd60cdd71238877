"""What a call's span says of the cache, by strict names."""

from typing import TYPE_CHECKING

import pytest

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_cache.wiring import SERVICE
from failsoft_kit.rpc.channel import outgoing_metadata
from failsoft_kit.telemetry import Kind, SpanContext

if TYPE_CHECKING:
    from valkey_process import ValkeyProcess

    from failsoft_kit.testing.spans import RecordedSpan
    from services.cache.tests.conftest import Replica, StartReplica

pytestmark = pytest.mark.integration

CALLER = SpanContext(trace_id=0xABC, span_id=0xDEF, sampled=True)


def said(span: "RecordedSpan") -> dict[str, object]:
    """What it says of the cache."""
    prefix = "failsoft.cache."
    return {
        key.removeprefix(prefix): value
        for key, value in span.attributes.items()
        if key.startswith(prefix)
    }


async def look_up(
    replica: "Replica", question: str, *, accept: pb.Accept.ValueType = pb.ACCEPT_FRESH
) -> dict[str, object]:
    """What the span of a look-up says."""
    replica.spans.clear()
    await replica.look_up(question, accept=accept)
    return said(replica.spans.one(f"{SERVICE}/Lookup"))


async def test_a_call_is_one_span_in_its_callers_trace(replica: "Replica") -> None:
    request = pb.LookupRequest(canonical_request=b"question")
    await replica.stub.Lookup(request, metadata=outgoing_metadata(span=CALLER, tenant="acme"))

    [span] = [span for span in replica.spans.all() if span.context.trace_id == CALLER.trace_id]
    assert (span.name, span.kind, span.error) == (f"{SERVICE}/Lookup", Kind.SERVER, None)
    assert span.attributes["failsoft.tenant.id"] == "acme"


async def test_a_look_up_says_what_it_found_how_old_and_where(replica: "Replica") -> None:
    assert await look_up(replica, "question") == {"status": "miss", "tier": "shared"}
    await replica.keep("question", "an answer")
    replica.clock.date += 15.0
    assert await look_up(replica, "question") == {
        "status": "hit_fresh",
        "age": 15.0,
        "tier": "shared",
    }
    replica.clock.date += 600.0
    assert await look_up(replica, "question", accept=pb.ACCEPT_STALE) == {
        "status": "hit_stale",
        "age": 615.0,
        "tier": "shared",
    }


async def test_who_wants_the_key_alone_reads_no_tier(replica: "Replica") -> None:
    assert await look_up(replica, "question", accept=pb.ACCEPT_KEY_ONLY) == {"status": "bypass"}


async def test_an_answer_out_of_a_replicas_own_memory_says_so(
    start_replica: "StartReplica", mortal_valkey: "ValkeyProcess"
) -> None:
    async with start_replica(valkey_url=mortal_valkey.url) as replica:
        await replica.keep("question", "an answer")
        mortal_valkey.kill()
        await replica.until(degraded=True)

        assert await look_up(replica, "question") == {
            "status": "hit_fresh",
            "age": 0.0,
            "tier": "local",
        }
        await replica.keep("another", "an answer")

    assert said(replica.spans.one(f"{SERVICE}/Store"))["tier"] == "local"


async def test_a_store_says_how_many_answers_are_kept(replica: "Replica") -> None:
    entry = replica.entry(await replica.key("question"))
    blank = replica.entry(await replica.key("another"), " ")
    await replica.store(entry, blank)

    span = replica.spans.one(f"{SERVICE}/Store")
    assert said(span) == {"stored": 1, "refused": 1, "tier": "shared"}


async def test_a_store_of_nothing_that_may_be_kept_names_no_tier(replica: "Replica") -> None:
    await replica.store(replica.entry(await replica.key("question"), " "))
    assert said(replica.spans.one(f"{SERVICE}/Store")) == {"stored": 0, "refused": 1}


async def test_what_was_forgotten_is_counted(replica: "Replica") -> None:
    await replica.keep("question", "an answer")
    await replica.keep("another", "an answer")
    await replica.forget(pb.InvalidateRequest(all=True))
    assert said(replica.spans.one(f"{SERVICE}/Invalidate")) == {"removed": 2}
