"""The endpoints of a Kubernetes service by its name, for a router that the API told nothing yet.

The name of a headless service leads to its pods that are ready, and says nothing else: not
who starts or drains, not which port a name stands for, and it may be half a minute old.
"""

from aiohttp.abc import AbstractResolver

from failsoft_router.adapters.resolver import addresses_of
from failsoft_router.core.endpoints import Endpoint
from failsoft_router.core.service_address import ServiceAddress


async def endpoints_by_name(
    service: ServiceAddress, *, resolver: AbstractResolver
) -> tuple[Endpoint, ...]:
    """Those that the service's name leads to now, all of them ready.

    Returns:
        Empty: it leads nowhere, nobody knows where, or the policy calls the port by its name.
    """
    if not service.port.isdigit():
        return ()
    found = (await addresses_of([service.host], resolver=resolver)).get(service.host, ())
    # Where a service has two families, each pod has an address in both.
    hosts = [host for host in found if ":" not in host] or [f"[{host}]" for host in found]
    return tuple(
        Endpoint(address=f"{host}:{service.port}", ready=True) for host in sorted(set(hosts))
    )
