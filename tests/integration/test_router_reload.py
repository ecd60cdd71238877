"""An operator edits the policy's file while the router answers."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import yaml
from kubernetes_lookalike import kubernetes_lookalike
from processes import free_ports, process, wait_until_serving
from router_under_test import Router, StartRouter, chat, hop_words, two_hops

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_upstream import Options, Style, Upstream, faults
from failsoft_upstream import running as upstream_running

pytestmark = pytest.mark.integration

Policy = dict[str, object]
Edit = Callable[[Path, Policy], None]

SECONDS = 20.0
"""For what has to happen within two, on a busy machine."""


def write_in_place(file: Path, policy: Policy) -> None:
    """As `echo >` and some editors do."""
    file.write_text(yaml.safe_dump(policy))


def rename_over(file: Path, policy: Policy) -> None:
    """As other editors do, and whoever wants nobody to see half a file."""
    new = file.with_name("policy.yaml.new")
    new.write_text(yaml.safe_dump(policy))
    new.replace(file)


def swap_the_volume(file: Path, policy: Policy) -> None:
    """As Kubernetes does: the file is a link through `..data`, a link to the newest folder."""
    volume = file.parent
    newest = volume / f"..{len(list(volume.iterdir()))}"
    newest.mkdir()
    (newest / "policy.yaml").write_text(yaml.safe_dump(policy))
    link = volume / "..data_tmp"
    link.symlink_to(newest.name)
    link.replace(volume / "..data")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """The policy's folder, as a volume of Kubernetes."""
    (tmp_path / "..0").mkdir()
    (tmp_path / "..data").symlink_to("..0")
    (tmp_path / "policy.yaml").symlink_to("..data/policy.yaml")
    return tmp_path


def named(policy: Policy, *, route: str) -> Policy:
    """The policy with a route more, by which a caller can see that it is in force."""
    routes = policy["routes"]
    assert isinstance(routes, dict)
    return {**policy, "routes": {**routes, route: {"hops": ["mock"]}}}


async def in_force(stub: "pb_grpc.InferenceServiceAsyncStub", route: str) -> None:
    """Returns once the policy with this route is."""
    while True:
        models = await stub.ListModels(pb.ListModelsRequest(), timeout=SECONDS)
        if route in [model.id for model in models.models]:
            return


async def reload(router: Router, folder: Path, policy: Policy) -> None:
    """Edit the file and have it read at once."""
    write_in_place(folder / "policy.yaml", policy)
    await router.admin.ReloadPolicy(admin_pb.ReloadPolicyRequest(), timeout=SECONDS)


# Ways to edit a file.


@pytest.mark.parametrize("edit", [write_in_place, rename_over])
async def test_an_edit_is_followed_however_it_is_made(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path, edit: Edit
) -> None:
    policy = two_hops(first, second)
    router = await start_router(policy)

    edit(tmp_path / "policy.yaml", named(policy, route="edited"))

    await in_force(router.stub, "edited")


async def test_every_update_of_a_configmap_is_followed(
    start_router: StartRouter, first: Upstream, second: Upstream, volume: Path
) -> None:
    """The path and the name of the file are the same all the time, and so may be its age."""
    policy = two_hops(first, second)
    router = await start_router(policy)

    for route in ("once", "twice"):
        swap_the_volume(volume / "policy.yaml", named(policy, route=route))
        await in_force(router.stub, route)


# What callers see of it.


async def test_a_stream_in_flight_outlives_its_target(
    start_router: StartRouter, second: Upstream, tmp_path: Path
) -> None:
    slow = Options(style=Style(chunks=400, chunk_delay=0.01))
    async with upstream_running(slow) as first:
        policy = two_hops(first, second)
        router = await start_router(policy)
        call = router.stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat("Go on.")))
        events = aiter(call)
        await first_delta(events)

        del policy["targets"]["first"]  # type: ignore[attr-defined] # a mapping
        policy["routes"] = {"chat": {"default": True, "hops": ["second"]}}
        await reload(router, tmp_path, policy)
        meanwhile = await router.ask()
        said = [event async for event in events]

    assert meanwhile.finished.served_by == "second"
    assert said[-1].finished.served_by == "first"
    assert sum(event.HasField("delta") for event in said) > 0
    assert not any(event.HasField("stream_reset") for event in said)


async def first_delta(events: AsyncIterator[pb.StreamGenerateResponse]) -> None:
    async for event in events:
        if event.HasField("delta"):
            return
    raise AssertionError("nothing was said")


async def test_a_target_that_is_out_stays_out_when_its_limits_change(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    shut = {"consecutive_failures": 1, "open_for": "60s", "open_cap": "60s"}
    policy = two_hops(first, second, breaker=shut)
    router = await start_router(policy)
    await first.set_fault(faults.Status(status=500))
    await router.ask()

    policy["targets"]["first"]["limits"] = {"first_content": "7s"}  # type: ignore[index] # a mapping
    await reload(router, tmp_path, policy)

    assert hop_words((await router.ask()).finished.hops) == [
        ("first", "SKIPPED", "CIRCUIT_OPEN"),
        ("second", "SERVED", ""),
    ]


async def test_a_target_is_asked_with_the_key_that_the_new_policy_names(
    start_router: StartRouter, second: Upstream, tmp_path: Path
) -> None:
    async with upstream_running(Options(api_key="new")) as first:
        policy = two_hops(first, second, credential={"env": "OLD"})
        router = await start_router(policy, environ={"OLD": "old", "NEW": "new"})
        before = await router.ask()

        policy["targets"]["first"]["credential"] = {"env": "NEW"}  # type: ignore[index] # a mapping
        await reload(router, tmp_path, policy)
        after = await router.ask()

    assert hop_words(before.finished.hops)[0] == ("first", "FAILED", "CREDENTIAL")
    assert after.finished.served_by == "first"


async def test_a_bad_edit_changes_nothing_until_it_is_mended(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    policy = two_hops(first, second)
    router = await start_router(policy)
    with pytest.raises(grpc.aio.AioRpcError):
        await reload(router, tmp_path, {**policy, "tenants": 7})
    during = await router.ask()

    write_in_place(tmp_path / "policy.yaml", named(policy, route="mended"))
    await in_force(router.stub, "mended")

    assert during.finished.served_by == "first"


async def test_the_pod_has_an_event_of_each_edit_and_of_its_mistake(
    start_router: StartRouter, first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    """Who only has `kubectl` sees there why an edit changes nothing."""
    policy = two_hops(first, second)
    pod = {"POD_NAME": "router-0", "POD_NAMESPACE": "failsoft", "POD_UID": "a-uid"}
    async with kubernetes_lookalike() as api:
        router = await start_router(policy, environ=pod, kubernetes_api=api.base_url)
        with pytest.raises(grpc.aio.AioRpcError):
            await reload(router, tmp_path, {**policy, "tenants": 7})
        await reload(router, tmp_path, named(policy, route="mended"))
        async with asyncio.timeout(SECONDS):
            await api.until(lambda: len(api.created) == 2)

    told = [(event["type"], event["reason"]) for _, event in api.created]
    assert told == [("Warning", "PolicyRefused"), ("Normal", "PolicyLoaded")]
    assert "tenants" in api.created[0][1]["message"]


# A process of its own.


@contextmanager
def router_process(policy: Policy, folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A router's address, and what sends it a SIGHUP."""
    port, admin_port = free_ports(2)
    write_in_place(folder / "policy.yaml", policy)
    variables = {
        "FAILSOFT_ROUTER_ADDRESS": f"127.0.0.1:{port}",
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": f"127.0.0.1:{admin_port}",
        "FAILSOFT_ROUTER_POLICY_FILE": str(folder / "policy.yaml"),
    }
    with process(["-m", "failsoft_router"], folder=folder, variables=variables) as started:
        wait_until_serving(f"127.0.0.1:{port}", "failsoft.inference.v1.InferenceService")
        yield f"127.0.0.1:{port}", lambda: started.send_signal(signal.SIGHUP)


def test_a_hangup_reads_the_policy_anew_and_ends_nothing(tmp_path: Path) -> None:
    """As of every other server; a bad policy is no reason to end either."""
    policy: Policy = {"targets": {}, "routes": {"chat": {"default": True, "hops": ["mock"]}}}
    file = tmp_path / "policy.yaml"
    with (
        router_process(policy, tmp_path) as (address, hang_up),
        grpc.insecure_channel(address) as channel,
    ):
        stub = pb_grpc.InferenceServiceStub(channel)
        write_in_place(file, {**policy, "routes": {}})
        hang_up()
        write_in_place(file, named(policy, route="edited"))
        hang_up()

        routes: list[str] = []
        while "edited" not in routes:
            models = stub.ListModels(pb.ListModelsRequest(), timeout=SECONDS)
            routes = [model.id for model in models.models]

    assert routes == ["chat", "edited"]
