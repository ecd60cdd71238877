"""How a policy names a Kubernetes service whose endpoints are watched.

    kubernetes:///NAMESPACE/SERVICE:PORT

PORT is the name that the service gives the port, or the number that its pods listen on.
"""

import re
from dataclasses import dataclass

SCHEME = "kubernetes:"

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(
    rf"kubernetes:///(?P<namespace>{_LABEL})/(?P<service>{_LABEL}):(?P<port>{_LABEL})"
)
"""What Kubernetes calls an RFC 1123 label, three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """A port of a Kubernetes service.

    Attributes:
        port: Its name, or in digits the number that the pods listen on.
    """

    namespace: str
    service: str
    port: str

    @property
    def host(self) -> str:
        """The service's name in the cluster's DNS, which certificates of its pods are for."""
        return f"{self.service}.{self.namespace}.svc"


def is_watched(endpoint: str) -> bool:
    """Whether a target's endpoint is meant to name a Kubernetes service."""
    return endpoint.startswith(SCHEME)


def service_address(endpoint: str) -> ServiceAddress | None:
    """What the endpoint of a target names; None: no Kubernetes service, or not by the rule."""
    found = _ADDRESS.fullmatch(endpoint)
    return None if found is None else ServiceAddress(**found.groupdict())
