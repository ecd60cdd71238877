"""Notices become events of the pod, over real HTTP, and cost nobody anything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
from kubernetes_lookalike import KubernetesApi, kubernetes_lookalike

from failsoft_kit.clock import SystemClock
from failsoft_router.adapters.kubernetes_api import Cluster, Patience
from failsoft_router.adapters.pod_events import MOST_WAITING, PodEvents, pod_around
from failsoft_router.ports import Notice
from failsoft_router.wire.pod_event import Pod

pytestmark = pytest.mark.integration

POD = Pod(name="router-0", namespace="failsoft", uid="a-uid")
WITHIN = 20.0
PATIENT = Patience()


@pytest.fixture
async def api() -> AsyncIterator[KubernetesApi]:
    async with kubernetes_lookalike() as lookalike:
        yield lookalike


@asynccontextmanager
async def posting(api: KubernetesApi, *, patience: Patience = PATIENT) -> AsyncIterator[PodEvents]:
    cluster = Cluster(url=api.base_url, account=None)
    events = PodEvents(cluster, POD, clock=SystemClock(), patience=patience)
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(events.run())
        yield events
        work.cancel()


async def asked(api: KubernetesApi, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        await api.until(condition)


def notice(number: int) -> Notice:
    return Notice(reason="PolicyLoaded", message=f"{number}", is_trouble=False)


def told(api: KubernetesApi) -> list[str]:
    return [event["message"] for _, event in api.created]


async def test_each_notice_is_an_event_in_the_pod_s_namespace(api: KubernetesApi) -> None:
    async with posting(api) as events:
        for number in range(3):
            events.post(notice(number))
        await asked(api, lambda: len(api.created) == 3)

    assert told(api) == ["0", "1", "2"]
    assert {namespace for namespace, _ in api.created} == {"failsoft"}
    assert api.created[0][1]["involvedObject"]["uid"] == "a-uid"


async def test_who_is_not_allowed_is_told_once_what_to_grant(api: KubernetesApi) -> None:
    api.refusal = 403
    with structlog.testing.capture_logs() as logs:
        async with posting(api) as events:
            events.post(notice(1))
            events.post(notice(2))
            await asked(api, lambda: len(api.tokens) == 2)
            api.refusal = 0
            events.post(notice(3))
            await asked(api, lambda: bool(api.created))

    (line,) = (each for each in logs if each["event"] == "notice.not_told")
    for word in ("`create`", "`events`", "`failsoft`"):
        assert word in str(line["problem"])
    assert told(api) == ["3"]


async def test_while_the_api_hangs_nobody_waits_and_few_notices_do(api: KubernetesApi) -> None:
    api.answers = False
    async with posting(api, patience=Patience(list_=0.3)) as events:
        events.post(notice(0))
        await asked(api, lambda: len(api.tokens) == 1)
        for number in range(1, 1000):
            events.post(notice(number))
        api.answers = True
        await asked(api, lambda: len(api.created) == MOST_WAITING)
        events.post(notice(1000))
        await asked(api, lambda: len(api.created) == MOST_WAITING + 1)

    assert told(api) == [*map(str, range(1, MOST_WAITING + 1)), "1000"]


async def test_a_hanging_api_is_given_up(api: KubernetesApi) -> None:
    api.answers = False
    async with posting(api, patience=Patience(list_=0.3)) as events:
        events.post(notice(1))
        await asked(api, lambda: len(api.tokens) == 1)
        events.post(notice(2))
        await asked(api, lambda: len(api.tokens) == 2)

    assert told(api) == []


def test_a_pod_knows_itself_by_its_environment() -> None:
    environ = {"POD_NAME": "router-0", "POD_NAMESPACE": "failsoft", "POD_UID": "a-uid"}

    assert pod_around(environ) == POD
    for missing in environ:
        assert pod_around({**environ, missing: ""}) is None
