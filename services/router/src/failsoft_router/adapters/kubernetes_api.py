"""The Kubernetes API, in the requests that the router makes: two to follow EndpointSlices, and
one to tell of an event.

A pod's way to the API is in its environment and in the folder of its service account. The
token there is exchanged every hour, so it is read for each request.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from failsoft_router.core.service_address import ServiceAddress

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod has its service account."""

_TO_FOLLOW = "the verbs `list` and `watch` for `endpointslices` of the API group `discovery.k8s.io`"
_TO_TELL = "the verb `create` for `events` of the core API group"

_LONGEST_LINE = 8 * 1024 * 1024
"""Bytes of one slice, which has at most 1000 endpoints and is far smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where the API is, and who we are there.

    Attributes:
        url: Base URL.
        account: Folder of `token` and `ca.crt`; None: neither is needed.
    """

    url: str
    account: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the API is waited for, in seconds.

    Attributes:
        first: For the very first list, while nothing is known.
        connect: For a connection.
        list_: For the next piece of a list, or the answer to an event.
        watch: After which the API ends a watch, and another one goes on from there.
        grace: Beyond that, until a silent watch has lost its connection.
        lasting: After which a watch was of use, whatever ends it.
    """

    first: float = 2.0
    connect: float = 5.0
    list_: float = 10.0
    watch: int = 60
    grace: float = 10.0
    lasting: float = 5.0


class ApiAway(Exception):
    """The API did not answer as it should; for people, why, and what to do where that is known.

    Attributes:
        expired: What was known is too old to be told the changes of.
    """

    def __init__(self, problem: str, *, expired: bool = False) -> None:
        super().__init__(problem)
        self.expired = expired


class KubernetesApi:
    """One connection pool to the API; see `open_api`."""

    def __init__(
        self, session: aiohttp.ClientSession, cluster: Cluster, patience: Patience
    ) -> None:
        self._session = session
        self._cluster = cluster
        self._patience = patience

    async def list_slices(self, service: ServiceAddress) -> bytes:
        """All slices of a service, as the API writes them.

        Raises:
            ApiAway: It did not say.
        """
        async with self._slices(service, {}, silence=self._patience.list_) as reply:
            return await reply.read()

    async def watch_slices(
        self, service: ServiceAddress, *, since: str
    ) -> AsyncGenerator[bytes, None]:
        """The changes after a version, line by line, until the API ends the watch.

        Raises:
            ApiAway: It ended otherwise.
        """
        patience = self._patience
        query = {
            "watch": "true",
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(patience.watch),
        }
        silence = patience.watch + patience.grace
        async with self._slices(service, query, silence=silence) as reply:
            begun = b""
            async for piece in reply.content.iter_any():
                *lines, begun = (begun + piece).split(b"\n")
                for line in filter(None, lines):
                    yield line
                if len(begun) > _LONGEST_LINE:
                    raise ApiAway("a line of its watch has no end")

    async def create_event(self, event: bytes, *, namespace: str) -> None:
        """Have an event seen.

        Args:
            namespace: Of what the event is about.

        Raises:
            ApiAway: It was not taken, or did not say so.
        """
        path = f"/api/v1/namespaces/{namespace}/events"
        grant = f"{_TO_TELL} in the namespace `{namespace}`"
        async with self._asked("POST", path, {}, event, silence=self._patience.list_, grant=grant):
            pass

    def _slices(
        self, service: ServiceAddress, query: Mapping[str, str], *, silence: float
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{service.namespace}/endpointslices"
        selector = {"labelSelector": f"kubernetes.io/service-name={service.service}"}
        grant = f"{_TO_FOLLOW} in the namespace `{service.namespace}`"
        return self._asked("GET", path, {**selector, **query}, None, silence=silence, grant=grant)

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        *,
        silence: float,
        grant: str,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """
        Args:
            grant: What the router's service account needs for it.
        """
        limits = aiohttp.ClientTimeout(connect=self._patience.connect, sock_read=silence)
        try:
            async with self._session.request(
                method,
                self._cluster.url + path,
                params=query,
                data=body,
                headers={"Content-Type": "application/json", **await self._shown()},
                timeout=limits,
                allow_redirects=False,
            ) as reply:
                if not 200 <= reply.status < 300:
                    raise _refused(reply.status, grant)
                yield reply
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiAway(f"no answer: {type(error).__name__}") from error

    async def _shown(self) -> Mapping[str, str]:
        if self._cluster.account is None:
            return {}
        token = await asyncio.to_thread((self._cluster.account / "token").read_text)
        return {"Authorization": f"Bearer {token.strip()}"}


def cluster_around(environ: Mapping[str, str]) -> Cluster | None:
    """The cluster that this process runs in; None: it runs in none."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        return None
    shown = f"[{host}]" if ":" in host else host
    return Cluster(url=f"https://{shown}:{port}", account=ACCOUNT)


@asynccontextmanager
async def open_api(cluster: Cluster, patience: Patience) -> AsyncIterator[KubernetesApi]:
    """The API during the block, by the certificates that it has now.

    Raises:
        ApiAway: The service account's certificates cannot be read.
    """
    tls: ssl.SSLContext | bool = True
    if cluster.account is not None:
        authority = str(cluster.account / "ca.crt")
        try:
            tls = await asyncio.to_thread(ssl.create_default_context, cafile=authority)
        except OSError as error:
            raise ApiAway(
                "its certificates cannot be read: a pod has them by"
                " `automountServiceAccountToken: true`"
            ) from error
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield KubernetesApi(session, cluster, patience)


def _refused(status: int, grant: str) -> ApiAway:
    match status:
        case 403:
            return ApiAway(f"it forbids that: grant the router's service account {grant}")
        case 401:
            return ApiAway("it does not know the router's service account")
        case 410:
            return ApiAway("what was known is too old", expired=True)
        case _:
            return ApiAway(f"it answers with HTTP {status}")
