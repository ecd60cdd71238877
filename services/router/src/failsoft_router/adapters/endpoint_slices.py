"""Follows the endpoints of Kubernetes services by their EndpointSlices.

All slices of a service are listed, and watched from there on. A watch ends after a minute
and goes on from where it was; one that is silent for longer has lost its connection.
Whatever goes wrong, the endpoints stay as they were known last and all is listed anew, and
the log has one line when that begins and one when it is over.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_router.adapters.kubernetes_api import (
    ApiAway,
    Cluster,
    KubernetesApi,
    Patience,
    open_api,
)
from failsoft_router.core.endpoints import Endpoint
from failsoft_router.core.service_address import ServiceAddress
from failsoft_router.wire.endpoint_slices import Refused, Slices

_log: FilteringBoundLogger = structlog.get_logger()

Seen = tuple[Endpoint, ...]

REST_SECONDS = 0.1
"""Before each watch: an API that ends them at once is not asked without a pause."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
_NO_CLUSTER = (
    "this process runs in no cluster: set `router.kubernetes_api`, or name another endpoint"
    " in the policy"
)


def pause(failures: int, draw: float) -> float:
    """Seconds to wait after so many failures in a row; all routers have lost the API together.

    Args:
        failures: At least 1.
        draw: Uniform in [0, 1).
    """
    longest = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 16), LONGEST_PAUSE)
    return longest * (0.5 + 0.5 * draw)


class EndpointSlices:
    """See `ports.EndpointSource`."""

    def __init__(
        self,
        cluster: Cluster | None,
        *,
        draw: Callable[[], float],
        patience: Patience | None = None,
    ) -> None:
        """
        Args:
            cluster: None: there is none, and nothing is ever known.
            draw: Uniform in [0, 1).
        """
        self._cluster = cluster
        self._draw = draw
        self._patience = patience or Patience()

    async def follow(self, service: ServiceAddress) -> AsyncGenerator[Seen, None]:
        """See `ports.EndpointSource`."""
        trouble = _Trouble(service)
        while True:
            try:
                async with aclosing(self._see(service, trouble)) as sights:
                    async for seen in sights:
                        yield seen
            except (ApiAway, Refused) as error:
                # To know too little is nobody's trouble: all is listed anew.
                trouble.met("" if error.expired else str(error))
            except ValueError:
                trouble.met("what it says cannot be read")
            await asyncio.sleep(pause(trouble.failures, self._draw()))

    async def _see(
        self, service: ServiceAddress, trouble: "_Trouble"
    ) -> AsyncGenerator[Seen, None]:
        """List, and watch until something goes wrong.

        Raises:
            ApiAway, Refused, ValueError: Something did.
        """
        if self._cluster is None:
            raise ApiAway(_NO_CLUSTER)
        async with open_api(self._cluster, self._patience) as api:
            slices = Slices(service.port)
            slices.replace(await api.list_slices(service))
            trouble.is_over()
            yield slices.endpoints()
            while True:
                await asyncio.sleep(REST_SECONDS)
                async with aclosing(_changes(api, service, slices)) as changes:
                    async for seen in changes:
                        yield seen
                trouble.failures = 0


async def _changes(
    api: KubernetesApi, service: ServiceAddress, slices: Slices
) -> AsyncGenerator[Seen, None]:
    """What one watch tells."""
    async with aclosing(api.watch_slices(service, since=slices.version)) as lines:
        async for line in lines:
            if slices.apply(line):
                yield slices.endpoints()


class _Trouble:
    """What goes wrong with one service, told once."""

    def __init__(self, service: ServiceAddress) -> None:
        self._facts = {"namespace": service.namespace, "service": service.service}
        self._is_told = False
        self.failures = 0
        """Since a watch came to its end as it should."""

    def met(self, problem: str) -> None:
        """Something went wrong.

        Args:
            problem: For people; empty: nobody need know.
        """
        self.failures += 1
        if problem and not self._is_told:
            self._is_told = True
            _log.warning("endpoints.not_told", problem=problem, **self._facts)

    def is_over(self) -> None:
        """The API tells which endpoints there are."""
        if self._is_told:
            self._is_told = False
            _log.info("endpoints.told_again", **self._facts)
