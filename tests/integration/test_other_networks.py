"""Providers behind a proxy, and in networks with an authority of their own."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from other_networks import connect_proxy, tls_front
from processes import dead_port
from router_under_test import StartRouter, hop_words, openai_target

from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

NAME = "api.provider.example"
"""Resolves nowhere; only what leads there knows where it is."""


def port_of(upstream: Upstream) -> int:
    return urlsplit(upstream.base_url).port or 0


def only(upstream: Upstream, endpoint: str, **fields: object) -> dict[str, object]:
    """A route to one target, and a mock behind it."""
    target = openai_target(upstream, endpoint=endpoint, allow_private=False, **fields)
    return {
        "targets": {"only": target},
        "routes": {"chat": {"default": True, "hops": ["only", "mock"]}},
        "tenants": {"default": {"allow_mock": True}},
    }


async def test_a_provider_is_reached_through_a_proxy_and_a_private_authority(
    start_router: StartRouter, first: Upstream, tmp_path: Path
) -> None:
    async with (
        tls_front(tmp_path, leads_to=port_of(first), name=NAME) as (tls_port, authority),
        connect_proxy(leads_to=tls_port, wants="failsoft:a:b") as proxy,
    ):
        policy = only(
            first,
            f"https://{NAME}/v1",
            proxy=proxy.url,
            proxy_credential={"env": "PROXY"},
            ca_file=authority.name,
        )
        router = await start_router(policy, environ={"PROXY": "failsoft:a:b"})

        whole, streamed = await router.ask(), await router.stream()

    assert whole.finished.served_by == streamed.finished.served_by == "only"
    assert set(proxy.asked_for) == {f"{NAME}:443"}
    assert first.meter.calls == 2
    assert "proxy-authorization" not in first.received[0].headers


@pytest.mark.parametrize(
    ("secret", "detail"),
    [
        pytest.param({"PROXY": "failsoft:wrong"}, "its proxy wants another `proxy_credential`"),
        pytest.param({}, "its proxy wants another `proxy_credential`"),
    ],
    ids=["wrong", "absent"],
)
async def test_a_proxy_that_lets_nobody_through_is_told_from_a_provider_that_is_down(
    start_router: StartRouter, first: Upstream, secret: dict[str, str], detail: str
) -> None:
    async with connect_proxy(leads_to=port_of(first), wants="failsoft:right") as proxy:
        policy = only(
            first, f"https://{NAME}/v1", proxy=proxy.url, proxy_credential={"env": "PROXY"}
        )
        router = await start_router(policy, environ=secret)

        hops = (await router.ask()).finished.hops

    assert hop_words(hops)[0] == ("only", "FAILED", "TRANSIENT")
    assert hops[0].detail == f"no connection: {detail}"
    assert first.meter.calls == 0


async def test_a_proxy_that_is_away_is_called_that(
    start_router: StartRouter, first: Upstream
) -> None:
    with dead_port() as port:
        policy = only(first, f"https://{NAME}/v1", proxy=f"http://127.0.0.1:{port}")
        router = await start_router(policy)

        hops = (await router.ask()).finished.hops

    assert hops[0].detail == "no connection: its proxy cannot be reached"


async def test_nobody_vouches_for_a_private_authority_unless_the_policy_says_so(
    start_router: StartRouter, first: Upstream, tmp_path: Path
) -> None:
    async with tls_front(tmp_path, leads_to=port_of(first), name=NAME) as (port, authority):
        policy = only(first, f"https://127.0.0.1:{port}/v1")
        policy["targets"]["only"]["allow_private"] = True  # type: ignore[index] # a mapping
        strange = await start_router(policy)
        refused = (await strange.ask()).finished.hops[0]
        policy["targets"]["only"]["ca_file"] = authority.name  # type: ignore[index] # a mapping
        known = await start_router(policy)
        served = (await known.ask()).finished.served_by

    assert refused.detail == "no connection: its TLS certificate is not trusted"
    assert served == "only"


async def test_another_authority_in_the_same_file_is_taken_up_by_a_reload(
    start_router: StartRouter, first: Upstream, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    async with (
        tls_front(tmp_path / "old", leads_to=port_of(first), name=NAME) as (_, old),
        tls_front(tmp_path / "new", leads_to=port_of(first), name=NAME) as (port, new),
    ):
        policy = only(first, f"https://127.0.0.1:{port}/v1", ca_file="authority.pem")
        policy["targets"]["only"]["allow_private"] = True  # type: ignore[index] # a mapping
        (tmp_path / "authority.pem").write_bytes(old.read_bytes())
        router = await start_router(policy)
        before = (await router.ask()).finished.hops[0]
        (tmp_path / "authority.pem").write_bytes(new.read_bytes())

        await router.admin.ReloadPolicy(admin_pb.ReloadPolicyRequest())

        after = (await router.ask()).finished.served_by
    assert before.detail == "no connection: its TLS certificate is not trusted"
    assert after == "only"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_followed_nowhere(
    start_router: StartRouter, first: Upstream, second: Upstream, status: int
) -> None:
    """It could lead into our own network, with the key of somebody else's."""
    elsewhere = {"location": f"{second.base_url}/chat/completions"}
    await first.set_fault(faults.Status(status=status, headers=elsewhere))
    policy = only(first, first.base_url)
    policy["targets"]["only"]["allow_private"] = True  # type: ignore[index] # a mapping
    router = await start_router(policy)

    hops = (await router.ask()).finished.hops

    assert hop_words(hops)[0][1] == "FAILED"
    assert second.meter.calls == 0
