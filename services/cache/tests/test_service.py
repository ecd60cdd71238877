"""The contract, over real gRPC and a real Valkey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.inference.v1 import walk_pb2
from failsoft_cache.wiring import METHODS, SERVICE
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_model.errors import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from valkey_process import ValkeyProcess

    from services.cache.tests.conftest import Replica, StartReplica

pytestmark = pytest.mark.integration

FRESH = walk_pb2.CACHE_STATUS_HIT_FRESH
STALE = walk_pb2.CACHE_STATUS_HIT_STALE
MISS = walk_pb2.CACHE_STATUS_MISS
BYPASS = walk_pb2.CACHE_STATUS_BYPASS


async def test_an_answer_is_handed_out_as_it_was_given(replica: Replica) -> None:
    entry = replica.entry(await replica.key("question"), "an answer")
    entry.answer.choice.message.parts.add().tool_call.name = "look"
    entry.answer.usage.output_tokens = 7
    await replica.store(entry)

    found = await replica.look_up("question")

    assert found.status == FRESH
    assert found.answer == entry.answer


async def test_a_question_never_asked_before_is_a_miss(replica: Replica) -> None:
    found = await replica.look_up("question")

    assert found.status == MISS
    assert len(found.key) == 32
    assert not found.HasField("age")
    assert not found.HasField("answer")


async def test_an_answer_is_fresh_then_stale_then_gone(replica: Replica) -> None:
    key = await replica.keep("question", "an answer")

    replica.clock.date += 59.5
    fresh = await replica.look_up("question")
    replica.clock.date += 0.5
    not_fresh = await replica.look_up("question")
    stale = await replica.look_up(key, accept=pb.ACCEPT_STALE)
    replica.clock.date += 3600.0
    gone = await replica.look_up(key, accept=pb.ACCEPT_STALE)

    assert (fresh.status, fresh.age.ToMilliseconds()) == (FRESH, 59_500)
    assert (not_fresh.status, not_fresh.HasField("answer")) == (MISS, False)
    assert (stale.status, stale.age.ToMilliseconds()) == (STALE, 60_000)
    assert stale.answer.choice.message.parts[0].text == "an answer"
    assert gone.status == MISS


async def test_the_caller_may_want_a_younger_answer(replica: Replica) -> None:
    key = await replica.keep("question", "an answer")
    replica.clock.date += 30.0
    request = pb.LookupRequest(key=key)

    request.max_age.FromSeconds(29)
    too_old = await replica.stub.Lookup(request, metadata=[("failsoft-tenant", "acme")])
    request.max_age.FromSeconds(30)
    young_enough = await replica.stub.Lookup(request, metadata=[("failsoft-tenant", "acme")])

    assert (too_old.status, young_enough.status) == (MISS, FRESH)


async def test_the_key_alone_reads_nothing(replica: Replica) -> None:
    """The router asks for it when the answer is wanted anew but is to be stored."""
    key = await replica.keep("question", "an answer")
    before = await replica.stats()

    found = await replica.look_up("question", accept=pb.ACCEPT_KEY_ONLY)

    assert found == pb.LookupResponse(key=key, status=BYPASS)
    assert await replica.stats() == before


async def test_what_is_not_said_counts_as_fresh_only(replica: Replica) -> None:
    key = await replica.keep("question", "an answer")
    replica.clock.date += 60.0

    found = await replica.look_up(key, accept=pb.ACCEPT_UNSPECIFIED)

    assert found.status == MISS


async def test_no_byte_of_a_tenant_reaches_another(replica: Replica) -> None:
    """Not by the same question, and not by who got hold of the key."""
    key = await replica.keep("question", "acme's secret", tenant="acme")

    by_question = await replica.look_up("question", tenant="other", accept=pb.ACCEPT_STALE)
    by_key = await replica.look_up(key, tenant="other", accept=pb.ACCEPT_STALE)

    assert by_question.key != key
    assert (by_question.status, by_key.status) == (MISS, MISS)
    assert b"secret" not in by_question.SerializeToString() + by_key.SerializeToString()


async def test_replicas_share_what_they_stored(
    replica: Replica, start_replica: StartReplica, valkey: ValkeyProcess
) -> None:
    async with start_replica(valkey_url=valkey.url) as other:
        await replica.keep("question", "an answer")

        found = await other.look_up("question")

    assert found.answer.choice.message.parts[0].text == "an answer"


async def test_a_newer_answer_takes_the_place_of_the_older(replica: Replica) -> None:
    await replica.keep("question", "first")
    await replica.keep("question", "second")

    found = await replica.look_up("question")

    assert found.answer.choice.message.parts[0].text == "second"


async def test_valkey_forgets_an_answer_when_its_last_window_ends(
    replica: Replica, valkey: ValkeyProcess
) -> None:
    replica.clock.date += 1000.0
    entry = replica.entry(await replica.key("question"))
    replica.clock.date += 10.0
    await replica.store(entry)

    [name] = valkey.names()

    assert 3600.0 < int(str(valkey.client.pttl(name))) / 1000 <= 3650.0


def _refused_entries() -> dict[str, pb.StoreEntry]:
    """What is changed in a good entry, by what the refusal says about it."""
    content_filter = pb.StoreEntry()
    content_filter.answer.finish_reason = walk_pb2.FINISH_REASON_CONTENT_FILTER
    month = pb.StoreEntry()
    month.stale_if_error.FromSeconds(30 * 24 * 3600 + 1)
    negative = pb.StoreEntry()
    negative.fresh_for.FromSeconds(-1)
    return {
        "content filter": content_filter,
        "'cache'": pb.StoreEntry(answer=pb.StoredAnswer(served_by="cache")),
        "'mock'": pb.StoreEntry(answer=pb.StoredAnswer(served_by="mock")),
        "33 bytes": pb.StoreEntry(key=b"k" * 33),
        "stale_if_error": month,
        "fresh_for": negative,
    }


async def test_answers_that_may_not_be_kept_are_refused_one_by_one(replica: Replica) -> None:
    key = await replica.key("question")
    changes = _refused_entries()
    entries = [replica.entry(key) for _ in changes]
    for entry, change in zip(entries, changes.values(), strict=True):
        entry.MergeFrom(change)
    good = replica.entry(await replica.key("another"))

    reply = await replica.store(*entries, good)

    assert reply.stored == 1
    assert [refusal.index for refusal in reply.refusals] == list(range(len(entries)))
    for refusal, part in zip(reply.refusals, changes, strict=True):
        assert part in refusal.detail
    assert (await replica.look_up("question", accept=pb.ACCEPT_STALE)).status == MISS
    assert (await replica.look_up("another")).status == FRESH


@pytest.mark.parametrize("field", ["finish_reason", "served_by", "choice", "created"])
async def test_an_answer_that_lacks_something_is_refused(replica: Replica, field: str) -> None:
    """An unfinished or empty answer that is kept would be served for hours."""
    entry = replica.entry(await replica.key("question"))
    entry.answer.ClearField(field)  # type: ignore[arg-type] # by name

    reply = await replica.store(entry)

    assert (reply.stored, len(reply.refusals)) == (0, 1)


@pytest.mark.parametrize("text", ["", " \n"])
async def test_a_blank_answer_is_refused(replica: Replica, text: str) -> None:
    reply = await replica.store(replica.entry(await replica.key("question"), text))

    assert [refusal.detail for refusal in reply.refusals] == ["the answer is empty"]


async def test_an_answer_over_the_limit_is_refused(
    start_replica: StartReplica, valkey: ValkeyProcess
) -> None:
    async with start_replica(valkey_url=valkey.url, max_entry_bytes=1000) as replica:
        reply = await replica.store(replica.entry(await replica.key("question"), "x" * 1000))

    assert "more than 1000" in reply.refusals[0].detail


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        pytest.param("Lookup", pb.LookupRequest(), "canonical_request", id="no question"),
        pytest.param(
            "Lookup", pb.LookupRequest(canonical_request=b""), "canonical_request", id="empty"
        ),
        pytest.param("Lookup", pb.LookupRequest(key=b"k" * 31), "key", id="short key"),
        pytest.param(
            "Lookup",
            pb.LookupRequest(key=b"k" * 32, accept=99),  # type: ignore[arg-type] # of a later contract
            "accept",
            id="unknown accept",
        ),
        pytest.param(
            "Lookup",
            pb.LookupRequest(key=b"k" * 32, max_age=Duration(seconds=-1)),
            "max_age",
            id="negative age",
        ),
        pytest.param("Store", pb.StoreRequest(), "entries", id="no entries"),
        pytest.param(
            "Store", pb.StoreRequest(entries=[pb.StoreEntry()] * 257), "entries", id="257 entries"
        ),
        pytest.param("Invalidate", pb.InvalidateRequest(), "all", id="nothing to forget"),
        pytest.param("Invalidate", pb.InvalidateRequest(all=False), "all", id="not all"),
        pytest.param("Invalidate", pb.InvalidateRequest(key=b"k"), "key", id="no key to forget"),
    ],
)
async def test_a_broken_request_is_told_its_field(
    replica: Replica, method: str, request_: Message, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await replica.call(f"{SERVICE}/{method}", request_.SerializeToString())

    error = from_rpc_error(raised.value)
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in error.violations] == [field]


async def test_one_answer_can_be_forgotten(replica: Replica) -> None:
    key = await replica.keep("question", "an answer")
    await replica.keep("another", "an answer")

    assert await replica.forget(pb.InvalidateRequest(key=key)) == 1
    assert await replica.forget(pb.InvalidateRequest(key=key)) == 0
    assert (await replica.look_up(key, accept=pb.ACCEPT_STALE)).status == MISS
    assert (await replica.look_up("another")).status == FRESH


async def test_a_tenant_can_forget_all_of_its_own_and_nothing_else(replica: Replica) -> None:
    """`acme` must not reach `acme-2` either, whose name begins alike."""
    for number in range(30):
        await replica.keep(f"question {number}", "an answer")
    await replica.keep("question", "an answer", tenant="acme-2")

    assert await replica.forget(pb.InvalidateRequest(all=True)) == 30
    assert await replica.forget(pb.InvalidateRequest(all=True)) == 0
    assert (await replica.look_up("question 0", accept=pb.ACCEPT_STALE)).status == MISS
    assert (await replica.look_up("question", tenant="acme-2")).status == FRESH


async def test_another_tenants_key_forgets_nothing(replica: Replica) -> None:
    key = await replica.keep("question", "an answer")

    assert await replica.forget(pb.InvalidateRequest(key=key), tenant="other") == 0
    assert (await replica.look_up(key)).status == FRESH


async def test_what_was_forgotten_elsewhere_is_not_served_from_memory(
    replica: Replica, start_replica: StartReplica, valkey: ValkeyProcess
) -> None:
    async with start_replica(valkey_url=valkey.url) as other:
        key = await replica.keep("question", "an answer")
        await other.forget(pb.InvalidateRequest(key=key))

    assert (await replica.look_up(key, accept=pb.ACCEPT_STALE)).status == MISS


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda sealed: bytes([sealed[0] + 1]) + sealed[1:],
        lambda _: b"",
        lambda _: b"something else altogether",
    ],
    ids=["cut", "flipped", "schema", "nothing", "foreign"],
)
async def test_a_damaged_entry_is_a_miss_and_is_counted(
    replica: Replica, valkey: ValkeyProcess, damage: object
) -> None:
    await replica.keep("question", "an answer")
    [name] = valkey.names()
    assert callable(damage)
    valkey.put(name, damage(valkey.sealed(name)))

    found = await replica.look_up("question", accept=pb.ACCEPT_STALE)

    assert found.status == MISS
    assert (await replica.stats()).damaged == 1


async def test_an_entry_under_another_key_is_a_miss_and_is_counted(
    replica: Replica, valkey: ValkeyProcess
) -> None:
    """Who can write to Valkey must not be able to say what a question's answer is."""
    await replica.keep("question", "an answer")
    [name] = valkey.names()
    other = await replica.key("another")
    valkey.put(name[: -2 * len(other)] + other.hex().encode(), valkey.sealed(name))

    assert (await replica.look_up("another")).status == MISS
    assert (await replica.stats()).damaged == 1


async def test_an_entry_of_another_tenant_is_a_miss_and_is_counted(
    replica: Replica, valkey: ValkeyProcess
) -> None:
    key = await replica.keep("question", "an answer", tenant="acme")
    [name] = valkey.names()
    valkey.put(name.replace(b":acme:", b":other:"), valkey.sealed(name))

    assert (await replica.look_up(key, tenant="other")).status == MISS
    assert (await replica.stats()).damaged == 1


async def test_a_wrong_type_in_valkey_is_a_miss(replica: Replica, valkey: ValkeyProcess) -> None:
    key = await replica.key("question")
    valkey.client.lpush(f"failsoft:cache:acme:{key.hex()}", "x")

    assert (await replica.look_up(key)).status == MISS


async def test_the_counts_say_what_happened(replica: Replica) -> None:
    key = await replica.keep("question", "an answer")
    await replica.look_up(key)
    await replica.look_up("never asked")
    replica.clock.date += 60.0
    await replica.look_up(key, accept=pb.ACCEPT_STALE)
    await replica.store(replica.entry(b""))

    stats = await replica.stats()

    assert (stats.hits_fresh, stats.hits_stale, stats.misses) == (1, 1, 1)
    assert (stats.stored, stats.refused, stats.damaged) == (1, 1, 0)
    assert stats.local_entries == 1
    assert stats.local_bytes > 0
    assert not stats.degraded


async def test_nothing_is_said_to_who_is_no_service(replica: Replica) -> None:
    """Every method, and somebody on the same machine."""
    async with open_channel(f"127.0.0.1:{replica.port}") as nobody:
        for method in METHODS:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await replica.call(method, b"", channel=nobody)
            assert from_rpc_error(raised.value).code is Code.PERMISSION_DENIED


def test_every_method_is_in_the_authorisation_table() -> None:
    service = pb.DESCRIPTOR.services_by_name["CacheService"]

    assert service.full_name == SERVICE
    assert {f"{SERVICE}/{method.name}" for method in service.methods} == set(METHODS)


async def test_without_a_token_this_machine_is_the_default_tenant(
    start_replica: StartReplica,
) -> None:
    async with start_replica(service_token_file=None) as replica:
        key = await replica.keep("question", "an answer", tenant="acme")

        found = await replica.look_up(key, tenant="other")

    assert found.status == FRESH


def fallbacks(replica: Replica, key: bytes, text: str = "of a fallback") -> pb.StoreEntry:
    """An answer that is never fresh."""
    entry = replica.entry(key, text)
    entry.ClearField("fresh_for")
    return entry


@pytest.mark.parametrize("url", [True, False])
async def test_a_fallbacks_answer_takes_no_better_ones_place(
    start_replica: StartReplica, valkey: ValkeyProcess, *, url: bool
) -> None:
    """A minute's outage would otherwise cost the good answer of a whole day."""
    settings = {"valkey_url": valkey.url} if url else {}
    async with start_replica(**settings) as replica:
        key = await replica.keep("question", "an answer")
        await replica.store(fallbacks(replica, key))

        fresh = await replica.look_up("question")
        replica.clock.date += 100.0
        stale = await replica.look_up(key, accept=pb.ACCEPT_STALE)

    assert fresh.answer.choice.message.parts[0].text == "an answer"
    assert stale.answer.choice.message.parts[0].text == "an answer"


async def test_a_fallbacks_answer_is_given_when_the_better_ones_time_is_over(
    replica: Replica,
) -> None:
    key = await replica.keep("question", "an answer")
    replica.clock.date += 3000.0
    await replica.store(fallbacks(replica, key, "old"), fallbacks(replica, key, "new"))
    replica.clock.date += 700.0

    fresh = await replica.look_up("question")
    stale = await replica.look_up(key, accept=pb.ACCEPT_STALE)

    assert fresh.status == MISS
    assert (stale.status, stale.age.seconds) == (STALE, 700)
    assert stale.answer.choice.message.parts[0].text == "new"


async def test_a_better_answer_comes_before_a_fallbacks(replica: Replica) -> None:
    key = await replica.key("question")
    await replica.store(fallbacks(replica, key))
    await replica.keep("question", "an answer")

    stale = await replica.look_up(key, accept=pb.ACCEPT_STALE)

    assert stale.answer.choice.message.parts[0].text == "an answer"


async def test_what_is_forgotten_is_forgotten_in_both_places(replica: Replica) -> None:
    key = await replica.keep("question", "an answer")
    await replica.store(fallbacks(replica, key))

    removed = await replica.forget(pb.InvalidateRequest(key=key))

    assert removed == 1
    assert (await replica.look_up(key, accept=pb.ACCEPT_STALE)).status == MISS
