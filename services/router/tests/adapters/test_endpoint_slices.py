"""Endpoints are followed over real HTTP, whatever the Kubernetes API does meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from kubernetes_lookalike import KubernetesApi, kubernetes_lookalike
from other_networks import tls_front

from failsoft_kit.clock import LoopClock
from failsoft_kit.testing import virtual_time
from failsoft_router.adapters.endpoint_slices import EndpointSlices
from failsoft_router.adapters.kubernetes_api import ACCOUNT, Cluster, Patience, cluster_around
from failsoft_router.core.endpoints import Endpoint, Sighting
from failsoft_router.core.service_address import ServiceAddress

pytestmark = pytest.mark.integration

SERVICE = ServiceAddress(namespace="models", service="llama", port="grpc")
PATIENT = Patience()
ONE, TWO = "10.0.0.1:50051", "10.0.0.2:50051"
WITHIN = 20.0
"""Seconds; the pauses after a failure are part of it."""


class Sights:
    """What is seen, in order."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Sighting] = asyncio.Queue()
        self._failed = asyncio.Event()

    async def read(self, sights: AsyncIterator[Sighting]) -> None:
        async for seen in sights:
            self.waiting.put_nowait(seen)

    async def sighting(self) -> Sighting:
        async with asyncio.timeout(WITHIN):
            return await self.waiting.get()

    async def next(self) -> tuple[Endpoint, ...]:
        """As the API tells them."""
        seen = await self.sighting()
        assert not seen.by_name
        return seen.endpoints

    async def failure(self) -> None:
        """Until something went wrong, and is told in the log."""
        async with asyncio.timeout(WITHIN):
            await self._failed.wait()

    def draw(self) -> float:
        """For the pause after a failure."""
        self._failed.set()
        return 0.0

    async def until(self, *ready: str) -> None:
        """Until exactly these are ready."""
        expected = tuple(Endpoint(address=address, ready=True) for address in ready)
        while await self.next() != expected:
            pass


class Names(AbstractResolver):
    """The cluster's DNS: what each name leads to; any other leads nowhere."""

    def __init__(self, **hosts: list[str]) -> None:
        self._hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        assert host == "llama.models.svc"
        if "llama" not in self._hosts:
            raise OSError(None, "no such name")
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self._hosts["llama"]
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
async def api() -> AsyncIterator[KubernetesApi]:
    async with kubernetes_lookalike() as lookalike:
        yield lookalike


@asynccontextmanager
async def following(
    at: KubernetesApi | Cluster,
    *,
    patience: Patience = PATIENT,
    names: "Names | None" = None,
    service: ServiceAddress = SERVICE,
) -> AsyncIterator[Sights]:
    cluster = at if isinstance(at, Cluster) else Cluster(url=at.base_url, account=None)
    sights = Sights()
    source = EndpointSlices(
        cluster,
        clock=LoopClock(),
        draw=sights.draw,
        patience=patience,
        resolver=names or Names(),
    )
    async with aclosing(source.follow(service)) as found, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(sights.read(found))
        yield sights
        reading.cancel()


async def asked(api: KubernetesApi, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        await api.until(condition)


def told(logs: Iterable[Mapping[str, object]]) -> list[object]:
    return [line["event"] for line in logs if str(line["event"]).startswith("endpoints.")]


async def test_endpoints_are_told_at_once_and_when_they_change(api: KubernetesApi) -> None:
    await api.serve("llama", unready=[ONE])
    async with following(api) as sights:
        assert await sights.next() == (Endpoint(address=ONE, ready=False),)
        await api.serve("llama", ready=[ONE])
        assert await sights.next() == (Endpoint(address=ONE, ready=True),)
        await api.serve("llama", ready=[ONE, TWO])
        await sights.until(ONE, TWO)

    assert api.lists == 1


async def test_a_service_that_is_not_there_has_no_endpoints(api: KubernetesApi) -> None:
    async with following(api) as sights:
        assert await sights.next() == ()
        await api.serve("llama", ready=[ONE])
        await sights.until(ONE)


async def test_other_services_are_not_told(api: KubernetesApi) -> None:
    await api.serve("another", ready=[TWO])
    async with following(api) as sights:
        assert await sights.next() == ()
        await api.serve("another", ready=[ONE, TWO])
        await api.serve("llama", ready=[ONE])
        assert await sights.next() == (Endpoint(address=ONE, ready=True),)


async def test_a_watch_that_ends_goes_on_from_the_last_bookmark(api: KubernetesApi) -> None:
    """A server sends them so that nobody has to list all slices anew after a quiet hour."""
    await api.serve("llama", ready=[ONE])
    async with following(api) as sights:
        await sights.until(ONE)
        await api.bookmark()
        await api.bookmark()
        await api.serve("llama", ready=[ONE, TWO])
        await sights.until(ONE, TWO)
        before = api.watched_from[-1]
        api.end_watches()
        await api.serve("llama", ready=[TWO])
        await sights.until(TWO)

    assert api.watched_from[-1] > before
    assert api.lists == 1


async def test_watches_follow_each_other_without_a_change_being_lost(api: KubernetesApi) -> None:
    await api.serve("llama", ready=[ONE])
    async with following(api, patience=Patience(watch=1, lasting=0.0)) as sights:
        await sights.until(ONE)
        await asked(api, lambda: len(api.watched_from) >= 3)
        await api.serve("llama", ready=[TWO])
        await sights.until(TWO)

    assert api.lists == 1


@pytest.mark.parametrize("in_stream", [True, False])
async def test_who_knows_too_little_lists_anew_and_says_nothing(
    api: KubernetesApi, *, in_stream: bool
) -> None:
    await api.serve("llama", ready=[ONE])
    with structlog.testing.capture_logs() as logs:
        async with following(api) as sights:
            await sights.until(ONE)
            await api.serve("llama", ready=[TWO])
            await sights.until(TWO)
            api.expires_in_stream, api.oldest = in_stream, 10**6
            api.end_watches()
            await asked(api, lambda: api.lists >= 2)
            api.oldest = 0
            await api.serve("llama", ready=[ONE, TWO])
            await sights.until(ONE, TWO)

    assert told(logs) == []


async def test_an_api_that_is_away_is_told_of_once_and_so_is_its_return(
    api: KubernetesApi,
) -> None:
    await api.serve("llama", ready=[ONE])
    with structlog.testing.capture_logs() as logs:
        async with following(api) as sights:
            await sights.until(ONE)
            api.refusal = 503
            api.end_watches()
            before = len(api.tokens)
            await asked(api, lambda: len(api.tokens) >= before + 3)
            assert sights.waiting.empty()
            api.refusal = 0
            assert await sights.next() == (Endpoint(address=ONE, ready=True),)

    assert told(logs) == ["endpoints.not_told", "endpoints.told_again"]


async def test_who_is_not_allowed_is_told_what_to_grant(api: KubernetesApi) -> None:
    api.refusal = 403
    with structlog.testing.capture_logs() as logs:
        async with following(api) as sights:
            await sights.failure()
            api.refusal = 0
            await sights.next()

    (problem,) = [str(line["problem"]) for line in logs if "problem" in line]
    for word in ("`list`", "`watch`", "`endpointslices`", "`discovery.k8s.io`", "`models`"):
        assert word in problem


async def test_a_silent_watch_has_lost_its_connection(api: KubernetesApi) -> None:
    await api.serve("llama", ready=[ONE])
    hasty = Patience(list_=0.3, watch=0, grace=0.3)
    async with following(api, patience=hasty) as sights:
        await sights.until(ONE)
        api.answers = False
        before = len(api.tokens)
        await asked(api, lambda: len(api.tokens) >= before + 3)
        api.answers = True
        assert await sights.next() == (Endpoint(address=ONE, ready=True),)


async def test_what_is_no_json_is_no_endpoint(api: KubernetesApi) -> None:
    await api.serve("llama", ready=[ONE])
    async with following(api) as sights:
        await sights.until(ONE)
        api.breaks_json = True
        await api.serve("llama", ready=[TWO])
        await asked(api, lambda: api.lists >= 2)
        assert sights.waiting.empty()
        api.breaks_json = False
        assert await sights.next() == (Endpoint(address=TWO, ready=True),)


async def test_a_pod_asks_as_its_service_account_whose_token_is_renewed(
    api: KubernetesApi, tmp_path: Path
) -> None:
    """A pod's token is exchanged every hour, and the old one expires."""
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("first\n")
    await api.serve("llama", ready=[ONE])
    port = urlsplit(api.base_url).port or 0
    async with tls_front(tmp_path, leads_to=port, name="kubernetes") as (front, authority):
        (account / "ca.crt").write_bytes(authority.read_bytes())
        cluster = Cluster(url=f"https://127.0.0.1:{front}", account=account)
        async with following(cluster) as sights:
            await sights.until(ONE)
            (account / "token").write_text("second\n")
            api.end_watches()
            await api.serve("llama", ready=[TWO])
            await sights.until(TWO)
            await asked(api, lambda: api.tokens[-1] == "Bearer second")

    assert api.tokens[0] == "Bearer first"


async def test_an_api_that_nobody_vouches_for_is_not_believed(
    api: KubernetesApi, tmp_path: Path
) -> None:
    """It would be shown the token, and could send calls anywhere."""
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("secret")
    port = urlsplit(api.base_url).port or 0
    async with (
        tls_front(tmp_path, leads_to=port, name="kubernetes") as (_, authority),
        tls_front(account, leads_to=port, name="kubernetes") as (impostor, _),
    ):
        (account / "ca.crt").write_bytes(authority.read_bytes())
        cluster = Cluster(url=f"https://127.0.0.1:{impostor}", account=account)
        with structlog.testing.capture_logs() as logs:
            async with following(cluster) as sights:
                await sights.failure()

    assert api.tokens == []
    assert told(logs) == ["endpoints.not_told"]


async def test_a_pod_without_an_account_is_told_how_to_get_one(
    api: KubernetesApi, tmp_path: Path
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with following(Cluster(url=api.base_url, account=tmp_path)) as sights:
            await sights.failure()

    assert "automountServiceAccountToken" in str(logs[0]["problem"])


@virtual_time.test
async def test_outside_of_a_cluster_it_says_so_once_and_tells_nothing() -> None:
    names = Names(llama=["10.0.0.1"])
    source = EndpointSlices(None, clock=LoopClock(), draw=lambda: 0.0, resolver=names)
    sights = Sights()
    with structlog.testing.capture_logs() as logs:
        async with aclosing(source.follow(SERVICE)) as found, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(sights.read(found))
            await asyncio.sleep(3600.0)
            reading.cancel()

    assert told(logs) == ["endpoints.not_told"]
    assert "router.kubernetes_api" in str(logs[0]["problem"])
    assert sights.waiting.empty()


def test_a_pod_knows_its_cluster_by_its_environment() -> None:
    pod = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}

    assert cluster_around(pod) == Cluster(url="https://10.96.0.1:443", account=ACCOUNT)
    six = cluster_around({**pod, "KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert six is not None
    assert six.url == "https://[fd00::1]:443"
    assert cluster_around({}) is None


async def test_watches_that_last_and_are_cut_make_no_pause_longer(api: KubernetesApi) -> None:
    """Lists are answered: whoever waits longer each time is blind for nothing."""
    await api.serve("llama", ready=[ONE])
    api.cuts_watches = True
    with structlog.testing.capture_logs() as logs:
        async with following(api, patience=Patience(lasting=0.0)) as sights:
            await asked(api, lambda: api.lists >= 10)
            api.cuts_watches = False
            await api.serve("llama", ready=[TWO])
            await sights.until(TWO)

    assert told(logs) == []


async def test_cut_watches_are_told_of_once_and_so_is_one_that_holds(api: KubernetesApi) -> None:
    api.cuts_watches = True
    with structlog.testing.capture_logs() as logs:
        async with following(api, patience=Patience(watch=1, lasting=0.5)) as sights:
            await asked(api, lambda: api.lists >= 5)
            api.cuts_watches = False
            before = len(api.watched_from)
            await asked(api, lambda: len(api.watched_from) >= before + 3)
            await api.serve("llama", ready=[ONE])
            await sights.until(ONE)

    assert told(logs) == ["endpoints.watch_cut", "endpoints.watch_holds"]


async def test_watches_that_end_at_once_and_tell_nothing_are_cut(api: KubernetesApi) -> None:
    """They were asked for ten times a second, for ever, and nobody was told."""
    with structlog.testing.capture_logs() as logs:
        async with following(api, patience=Patience(watch=0)):
            await asked(api, lambda: len(api.watched_from) >= 4)

    assert api.lists >= len(api.watched_from)
    assert told(logs) == ["endpoints.watch_cut"]


BY_NUMBER = ServiceAddress(namespace="models", service="llama", port="50051")


async def test_until_the_api_has_told_them_the_name_leads_to_endpoints(api: KubernetesApi) -> None:
    """A router is started anew in the midst of an outage, and local-llm is well."""
    names = Names(llama=["10.0.0.2", "10.0.0.1", "fd00::1"])
    api.refusal = 503
    with structlog.testing.capture_logs() as logs:
        async with following(api, names=names, service=BY_NUMBER) as sights:
            first = await sights.sighting()
            await api.serve("llama", ready=[TWO])
            api.refusal = 0
            while (seen := await sights.sighting()).by_name:
                pass

    ready = tuple(Endpoint(address=address, ready=True) for address in (ONE, TWO))
    assert first == Sighting(endpoints=ready, by_name=True)
    assert seen == Sighting(endpoints=(Endpoint(address=TWO, ready=True),))
    assert told(logs) == ["endpoints.not_told", "endpoints.by_name", "endpoints.told_again"]


async def test_the_first_list_is_not_waited_for_long(api: KubernetesApi) -> None:
    api.answers = False
    hasty, names = Patience(first=0.1, list_=3600.0), Names(llama=["fd00::1"])
    async with following(api, patience=hasty, names=names, service=BY_NUMBER) as sights:
        seen = await sights.sighting()

    assert seen.by_name
    assert seen.endpoints == (Endpoint(address="[fd00::1]:50051", ready=True),)


async def test_once_the_api_has_told_them_the_name_counts_no_more(api: KubernetesApi) -> None:
    await api.serve("llama", ready=[ONE])
    names = Names(llama=["10.0.0.9"])
    async with following(api, names=names, service=BY_NUMBER) as sights:
        await sights.until(ONE)
        api.refusal = 503
        asked_before = len(api.tokens)
        api.end_watches()
        await asked(api, lambda: len(api.tokens) >= asked_before + 3)
        assert sights.waiting.empty()


@pytest.mark.parametrize(
    ("names", "service"), [(Names(), BY_NUMBER), (Names(llama=["10.0.0.1"]), SERVICE)]
)
async def test_a_name_that_leads_nowhere_or_a_port_without_a_number_tells_nothing(
    api: KubernetesApi, names: Names, service: ServiceAddress
) -> None:
    """Which number a port's name stands for is known by the API alone."""
    api.refusal = 503
    with structlog.testing.capture_logs() as logs:
        async with following(api, names=names, service=service) as sights:
            await asked(api, lambda: len(api.tokens) >= 3)
            assert sights.waiting.empty()

    assert told(logs) == ["endpoints.not_told"]
