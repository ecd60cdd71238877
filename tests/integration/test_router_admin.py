"""What an operator sees and does at a running router, over real gRPC."""

import asyncio
from collections.abc import AsyncIterable, Awaitable
from pathlib import Path

import grpc
import pytest
import yaml
from google.protobuf.duration_pb2 import Duration
from router_under_test import Router, StartRouter, hop_words, openai_target, two_hops

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_kit.rpc.status import RemoteError, from_rpc_error
from failsoft_model.errors import Code
from failsoft_upstream import Options, Upstream, faults
from failsoft_upstream import running as upstream_running

pytestmark = pytest.mark.integration

SECONDS = 20.0
"""For what has to happen soon, on a busy machine."""


def isolation(**fields: object) -> pb.IsolateTargetRequest:
    order = {"target": "first", "ttl": Duration(seconds=600), "actor": "ada", "reason": "a test"}
    return pb.IsolateTargetRequest(**{**order, **fields})  # type: ignore[arg-type] # any field


def release(**fields: object) -> pb.ReleaseTargetRequest:
    order = {"target": "first", "actor": "ada"}
    return pb.ReleaseTargetRequest(**{**order, **fields})  # type: ignore[arg-type] # any field


async def refusal(call: Awaitable[object]) -> RemoteError:
    """How a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return from_rpc_error(refused.value)


async def target(router: Router, name: str = "first") -> pb.Target:
    reply = await router.admin.ListTargets(pb.ListTargetsRequest())
    return next(each for each in reply.targets if each.name == name)


def gate(target: pb.Target, reason: "walk_pb2.SkipReason.ValueType") -> pb.Gate:
    return next(each for each in target.gates if each.skip_reason == reason)


async def first_of(watch: AsyncIterable[object]) -> object:
    """The first word of a watch."""
    return await anext(aiter(watch))


# Isolation.


async def test_an_isolated_target_is_skipped_until_it_is_released(router: Router) -> None:
    isolated = await router.admin.IsolateTarget(isolation())
    out = await router.ask()
    released = await router.admin.ReleaseTarget(release())
    back = await router.ask()

    shut = gate(isolated.target, walk_pb2.SKIP_REASON_ISOLATED)
    assert shut.shut
    assert shut.due_in.seconds == 600
    assert shut.detail == "isolated by ada: a test"
    assert hop_words(out.finished.hops) == [
        ("first", "SKIPPED", "ISOLATED"),
        ("second", "SERVED", ""),
    ]
    assert out.finished.hops[0].detail == "isolated by ada: a test"
    assert released.was_isolated
    assert not gate(released.target, walk_pb2.SKIP_REASON_ISOLATED).shut
    assert back.finished.served_by == "first"


async def test_a_second_order_replaces_thefirst_of(router: Router) -> None:
    await router.admin.IsolateTarget(isolation())
    await router.admin.IsolateTarget(isolation(ttl=Duration(seconds=60), actor="bob"))

    order = gate(await target(router), walk_pb2.SKIP_REASON_ISOLATED)

    assert 50 < order.due_in.seconds <= 60
    assert order.detail == "isolated by bob: a test"


async def test_a_release_of_all_gates_opens_what_a_refusal_has_shut(
    router: Router, first: Upstream
) -> None:
    await first.set_fault(faults.Status(status=429, retry_after=3600))
    await router.ask()
    await first.set_fault(faults.Healthy())
    assert (await router.ask()).finished.served_by == "second"

    released = await router.admin.ReleaseTarget(release(all_gates=True))

    assert list(released.opened) == [walk_pb2.SKIP_REASON_QUOTA]
    assert (await router.ask()).finished.served_by == "first"


async def test_releasing_what_is_not_isolated_is_no_error(router: Router) -> None:
    assert not (await router.admin.ReleaseTarget(release())).was_isolated


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"ttl": None}, ["ttl"]),
        ({"ttl": Duration(nanos=999_999_999)}, ["ttl"]),
        ({"ttl": Duration(seconds=30 * 86400, nanos=1)}, ["ttl"]),
        ({"ttl": Duration(seconds=-5)}, ["ttl"]),
        ({"actor": ""}, ["actor"]),
        ({"actor": "x" * 129}, ["actor"]),
        ({"actor": "ada\nroot"}, ["actor"]),
        ({"reason": "  "}, ["reason"]),
        ({"reason": "x" * 257}, ["reason"]),
        ({"reason": "\x1b]0;owned\x07"}, ["reason"]),
        ({"ttl": None, "actor": "", "reason": ""}, ["ttl", "actor", "reason"]),
    ],
)
async def test_a_wrong_order_is_refused_with_every_mistake(
    router: Router, fields: dict[str, object], wrong: list[str]
) -> None:
    error = await refusal(router.admin.IsolateTarget(isolation(**fields)))

    assert error.code is Code.INVALID_ARGUMENT
    assert [each.field for each in error.violations] == wrong
    assert not gate(await target(router), walk_pb2.SKIP_REASON_ISOLATED).shut


@pytest.mark.parametrize("seconds", [1, 30 * 86400])
async def test_the_shortest_and_the_longest_order_are_taken(router: Router, seconds: int) -> None:
    await router.admin.IsolateTarget(isolation(ttl=Duration(seconds=seconds)))


async def test_a_target_that_is_not_there_is_answered_with_those_that_are(router: Router) -> None:
    for call in (
        router.admin.IsolateTarget(isolation(target="fast")),
        router.admin.ReleaseTarget(release(target="fast")),
    ):
        error = await refusal(call)

        assert (error.code, error.reason) == (Code.NOT_FOUND, "TARGET_NOT_FOUND")
        assert "first, second" in error.message


# Seeing.


async def test_a_target_tells_every_gate_its_calls_and_its_credential(
    start_router: StartRouter, second: Upstream
) -> None:
    async with upstream_running(Options(api_key="right")) as first:
        policy = two_hops(first, second, credential={"env": "KEY"})
        router = await start_router(policy, environ={"KEY": "wrong"})
        await router.ask()

        seen = await target(router)

    assert [walk_pb2.SkipReason.Name(each.skip_reason) for each in seen.gates] == [
        "SKIP_REASON_ISOLATED",
        "SKIP_REASON_CREDENTIAL_QUARANTINE",
        "SKIP_REASON_TARGET_GONE",
        "SKIP_REASON_QUOTA",
        "SKIP_REASON_SAME_FATE",
        "SKIP_REASON_BULKHEAD",
    ]
    refused = gate(seen, walk_pb2.SKIP_REASON_CREDENTIAL_QUARANTINE)
    assert refused.shut
    assert refused.last_error == walk_pb2.ERROR_CLASS_CREDENTIAL
    assert 800 < refused.due_in.seconds < 900
    assert refused.last_transition_ago.seconds < SECONDS
    assert [each.shut for each in seen.gates].count(True) == 1
    assert seen.credential == pb.CREDENTIAL_STATE_PRESENT
    assert (await target(router, "second")).credential == pb.CREDENTIAL_STATE_NOT_NEEDED
    assert (await target(router, "second")).usual_first_content.ToNanoseconds() > 0
    assert (seen.calls_in_flight, seen.concurrency) == (0, 64)


async def test_a_key_that_is_not_there_is_told_from_one_that_nobody_needs(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    router = await start_router(two_hops(first, second, credential={"env": "KEY"}))

    missing, not_needed = await target(router), await target(router, "second")

    assert (missing.credential, missing.has_credential) == (pb.CREDENTIAL_STATE_MISSING, False)
    assert not_needed.credential == pb.CREDENTIAL_STATE_NOT_NEEDED
    assert not_needed.has_credential


async def test_a_watcher_sees_the_breaker_open_and_an_isolation_end(
    router: Router, first: Upstream
) -> None:
    watch = router.admin.WatchTargets(pb.WatchTargetsRequest(), timeout=SECONDS)

    async def until(reached: str) -> pb.Target:
        async for reply in watch:
            seen = reply.targets[0]
            state = pb.BreakerState.Name(seen.breaker.state)
            out = gate(seen, walk_pb2.SKIP_REASON_ISOLATED).shut
            if reached in (state, "isolated" if out else "not isolated"):
                return seen
        raise AssertionError(f"{reached} was never told")

    await until("BREAKER_STATE_CLOSED")
    await first.set_fault(faults.Status(status=500))
    for _ in range(5):
        await router.ask()
    opened = await until("BREAKER_STATE_OPEN")
    await router.admin.IsolateTarget(isolation(ttl=Duration(seconds=1)))
    await until("isolated")
    await until("not isolated")
    watch.cancel()

    assert opened.breaker.window_failures == 5
    assert opened.breaker.last_error == walk_pb2.ERROR_CLASS_TRANSIENT


async def test_watchers_beyond_the_sixteenth_are_refused(router: Router) -> None:
    watches = [router.admin.WatchTargets(pb.WatchTargetsRequest()) for _ in range(16)]
    for watch in watches:
        await watch.read()

    error = await refusal(first_of(router.admin.WatchTargets(pb.WatchTargetsRequest())))
    for watch in watches:
        watch.cancel()

    assert (error.code, error.reason) == (Code.RESOURCE_EXHAUSTED, "OVERLOADED")


async def test_a_watcher_is_told_to_go_when_the_drain_begins(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """The drain would wait for it up to its limit, which is longer than this test."""
    router = await start_router(two_hops(first, second), drain=2 * SECONDS)
    targets = router.admin.WatchTargets(pb.WatchTargetsRequest())
    hops = router.admin.WatchHops(pb.WatchHopsRequest())
    await first_of(targets)
    await hops.initial_metadata()

    async with asyncio.timeout(SECONDS):
        await router.stop()

    for watch in (targets, hops):
        error = await refusal(first_of(watch))
        assert (error.code, error.reason) == (Code.UNAVAILABLE, "SHUTTING_DOWN")


# Hops.


async def test_each_hop_is_told_with_whose_it_was(router: Router, first: Upstream) -> None:
    watch = router.admin.WatchHops(pb.WatchHopsRequest(), timeout=SECONDS)
    await watch.initial_metadata()
    await first.set_fault(faults.Status(status=500))
    finished = (await router.ask(request_id="req-7")).finished

    told = [await anext(aiter(watch)) for _ in range(2)]
    watch.cancel()

    assert [each.hop for each in told] == list(finished.hops)
    assert hop_words(each.hop for each in told) == [
        ("first", "FAILED", "TRANSIENT"),
        ("second", "SERVED", ""),
    ]
    for each in told:
        assert (each.route, each.tenant, each.request_id) == ("chat", "default", "req-7")
        assert (each.walk_id, each.trace_id) == (finished.walk_id, finished.trace_id)
        assert each.missed == 0


async def test_who_watches_one_tenant_is_told_of_no_other(router: Router) -> None:
    others = router.admin.WatchHops(pb.WatchHopsRequest(tenant="globex"), timeout=SECONDS)
    mine = router.admin.WatchHops(
        pb.WatchHopsRequest(tenant="default", route="chat"), timeout=SECONDS
    )
    await others.initial_metadata()
    await mine.initial_metadata()
    await router.ask()

    assert (await anext(aiter(mine))).hop.target == "first"
    mine.cancel()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await others.read()


async def test_a_route_that_is_not_there_is_answered_with_those_that_are(router: Router) -> None:
    error = await refusal(first_of(router.admin.WatchHops(pb.WatchHopsRequest(route="chta"))))

    assert (error.code, error.reason) == (Code.NOT_FOUND, "ROUTE_NOT_FOUND")
    assert "chat" in error.message


# The policy.


async def test_a_reload_says_whether_anything_changed_and_keeps_an_isolation(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    policy = two_hops(first, second)
    router = await start_router(policy)
    await router.admin.IsolateTarget(isolation())

    same = await router.admin.ReloadPolicy(pb.ReloadPolicyRequest())
    policy["targets"] = {
        "first": openai_target(first, concurrency=7),
        "third": openai_target(second),
    }
    policy["routes"] = {"chat": {"default": True, "hops": ["first", "third"]}}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    other = await router.admin.ReloadPolicy(pb.ReloadPolicyRequest())

    assert (same.changed, other.changed) == (False, True)
    kept = await target(router)
    assert kept.concurrency == 7
    assert gate(kept, walk_pb2.SKIP_REASON_ISOLATED).shut
    assert (await router.ask()).finished.served_by == "third"


async def test_a_bad_policy_is_refused_with_every_mistake_and_the_old_one_stays(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    policy = two_hops(first, second)
    router = await start_router(policy)
    policy["targets"] = {"first": openai_target(first, concurrency=0, colour="red")}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))

    error = await refusal(router.admin.ReloadPolicy(pb.ReloadPolicyRequest()))

    assert (error.code, error.reason) == (Code.FAILED_PRECONDITION, "POLICY_REFUSED")
    fields = " ".join(each.field for each in error.violations)
    assert all(word in fields for word in ("concurrency", "colour", "hops"))
    assert (await target(router, "second")).name == "second"
    assert (await router.ask()).finished.served_by == "first"
