"""Follows the endpoints of Kubernetes services by their EndpointSlices.

All slices of a service are listed, and watched from there on. A watch ends after a minute
and goes on from where it was; one that is silent for longer has lost its connection, and one
that ends at once and told nothing was none.
Whatever goes wrong, the endpoints stay as they were known last and all is listed anew.

A router that starts while the API is away knows none, and its pods may be well: until the API
has told them once, the name of the service is asked after each try. After that only the API
counts.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver

from failsoft_kit.clock import Clock
from failsoft_router.adapters.endpoint_trouble import Trouble
from failsoft_router.adapters.kubernetes_api import (
    ApiAway,
    Cluster,
    KubernetesApi,
    Patience,
    open_api,
)
from failsoft_router.adapters.service_name import endpoints_by_name
from failsoft_router.core.endpoints import Sighting
from failsoft_router.core.service_address import ServiceAddress
from failsoft_router.wire.endpoint_slices import Refused, Slices

REST_SECONDS = 0.1
"""Before each watch: an API that ends them at once is not asked without a pause."""
_NO_CLUSTER = (
    "this process runs in no cluster: set `router.kubernetes_api`, or name another endpoint"
    " in the policy"
)


class EndpointSlices:
    """See `ports.EndpointSource`."""

    def __init__(
        self,
        cluster: Cluster | None,
        *,
        clock: Clock,
        draw: Callable[[], float],
        patience: Patience | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """
        Args:
            cluster: None: there is none, and nothing is ever known.
            draw: Uniform in [0, 1).
            resolver: Of the cluster's names; None: the system's.
        """
        self._cluster = cluster
        self._clock = clock
        self._draw = draw
        self._patience = patience or Patience()
        self._resolver = resolver or ThreadedResolver()

    async def follow(self, service: ServiceAddress) -> AsyncGenerator[Sighting, None]:
        """See `ports.EndpointSource`."""
        trouble = Trouble(service)
        while True:
            trouble.begins()
            try:
                async with aclosing(self._see(service, trouble)) as sights:
                    async for seen in sights:
                        yield seen
            except (ApiAway, Refused) as error:
                # To know too little is nobody's trouble: all is listed anew.
                trouble.met("" if error.expired else str(error))
            except ValueError:
                trouble.met("what it says cannot be read")
            if (named := await self._by_name(service, trouble)) is not None:
                yield named
            await asyncio.sleep(trouble.pause(self._draw()))

    async def _by_name(self, service: ServiceAddress, trouble: Trouble) -> Sighting | None:
        """What the service's name leads to; None: the API counts, or nothing."""
        if trouble.ever_listed or self._cluster is None:
            return None
        found = await endpoints_by_name(service, resolver=self._resolver)
        if not found:
            return None
        trouble.found_by_name(len(found))
        return Sighting(endpoints=found, by_name=True)

    async def _see(
        self, service: ServiceAddress, trouble: Trouble
    ) -> AsyncGenerator[Sighting, None]:
        """List, and watch until something goes wrong.

        Raises:
            ApiAway, Refused, ValueError: Something did.
        """
        if self._cluster is None:
            raise ApiAway(_NO_CLUSTER)
        async with open_api(self._cluster, self._patience) as api:
            slices = Slices(service.port)
            slices.replace(await self._list(api, service, trouble))
            trouble.listed()
            yield Sighting(endpoints=slices.endpoints())
            while True:
                await asyncio.sleep(REST_SECONDS)
                began, before = self._clock.now(), slices.version
                try:
                    async with aclosing(_changes(api, service, slices)) as changes:
                        async for seen in changes:
                            yield seen
                except (ApiAway, Refused, ValueError):
                    if self._lasted(began):
                        trouble.watched()
                    raise
                if slices.version == before and not self._lasted(began):
                    raise ApiAway("it ends a watch at once, and tells nothing by it")
                trouble.watched()

    def _lasted(self, began: float) -> bool:
        """Whether a watch that began then was of use, whatever it told."""
        return self._clock.now() - began >= self._patience.lasting

    async def _list(self, api: KubernetesApi, service: ServiceAddress, trouble: Trouble) -> bytes:
        """The slices; at the first try nobody waits long, because the name is there to be asked.

        Raises:
            ApiAway: It did not say.
        """
        try:
            async with asyncio.timeout(self._patience.first if trouble.is_first_try else None):
                return await api.list_slices(service)
        except TimeoutError:
            raise ApiAway("no answer within the first moments") from None


async def _changes(
    api: KubernetesApi, service: ServiceAddress, slices: Slices
) -> AsyncGenerator[Sighting, None]:
    """What one watch tells."""
    async with aclosing(api.watch_slices(service, since=slices.version)) as lines:
        async for line in lines:
            if slices.apply(line):
                yield Sighting(endpoints=slices.endpoints())
