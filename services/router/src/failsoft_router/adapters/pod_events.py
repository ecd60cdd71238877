"""Notices as events of the router's pod, which `kubectl describe pod` shows.

They are sent in the background, each once: the API being away costs a log line, and the notice.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_router.adapters.kubernetes_api import ApiAway, Cluster, Patience, open_api
from failsoft_router.ports import Notice
from failsoft_router.wire.pod_event import Pod, encode_pod_event

MOST_WAITING = 8
"""Notices that wait for the API; more are lost."""

_log: FilteringBoundLogger = structlog.get_logger()


class PodEvents:
    """See `ports.NoticeBoard`; `run` is its background work."""

    def __init__(
        self, cluster: Cluster, pod: Pod, *, clock: Clock, patience: Patience | None = None
    ) -> None:
        self._cluster = cluster
        self._pod = pod
        self._clock = clock
        self._patience = patience or Patience()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._is_away = False

    def post(self, notice: Notice) -> None:
        """See `ports.NoticeBoard`."""
        with suppress(asyncio.QueueFull):
            event = encode_pod_event(notice, self._pod, unix=self._clock.unix())
            self._waiting.put_nowait(event)

    async def run(self) -> None:
        """Send what is posted, until cancelled."""
        while True:
            await self._send(await self._waiting.get())

    async def _send(self, event: bytes) -> None:
        try:
            async with open_api(self._cluster, self._patience) as api:
                await api.create_event(event, namespace=self._pod.namespace)
        except ApiAway as away:
            if not self._is_away:
                _log.warning("notice.not_told", problem=str(away))
            self._is_away = True
        else:
            self._is_away = False


def pod_around(environ: Mapping[str, str]) -> Pod | None:
    """The pod that this process runs in, as its manifest says; None: it does not say."""
    name, namespace, uid = map(environ.get, ("POD_NAME", "POD_NAMESPACE", "POD_UID"))
    if not name or not namespace or not uid:
        return None
    return Pod(name=name, namespace=namespace, uid=uid)
