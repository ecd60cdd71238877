"""What is wrong with where a target is, and with how its key would get there.

Everything here reads raw YAML values, as `policy_check` does.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from failsoft_kit.settings.document import Trail
from failsoft_router.adapters.addresses import (
    host_of,
    in_own_network,
    is_private,
    is_public,
    leads_to,
)
from failsoft_router.core.policy import Provider
from failsoft_router.core.service_address import is_watched, service_address

Mistake = tuple[Trail, str]
Raw = Mapping[str, object]


def of_endpoint(
    here: Trail, target: Raw, *, own_address: str, own_http_address: str
) -> Iterator[Mistake]:
    """What is wrong with the endpoint of the target at this place.

    Args:
        own_address: `host:port` that the router itself listens on; empty: not known.
        own_http_address: The same for HTTP.
    """
    endpoint = target.get("endpoint", "")
    if not isinstance(endpoint, str):
        return
    if target.get("provider") == Provider.FAILSOFT.value:
        yield from _of_address((*here, "endpoint"), endpoint, target, own_address)
        return
    if endpoint:
        yield from _of_url((*here, "endpoint"), endpoint, target, own_http_address)
    if target.get("tls") is True:
        yield (*here, "tls"), "is for provider `failsoft`; a base URL says it by `https://`"


def _of_address(here: Trail, endpoint: str, target: Raw, own_address: str) -> Iterator[Mistake]:
    """A gRPC target."""
    if not endpoint:
        yield here, "is missing: a gRPC target such as `dns:///failsoft-local-llm:50051`"
        return
    if is_watched(endpoint) and service_address(endpoint) is None:
        yield (
            here,
            "must name a service and its port, such as"
            " `kubernetes:///models/failsoft-local-llm:grpc`",
        )
    if leads_to(endpoint, own_address):
        yield (
            here,
            "is this router's own `router.address`, where its requests would go in a circle;"
            " name another router, or local-llm",
        )
    outside = target.get("external")
    if outside is None:
        outside = not in_own_network(endpoint)
    if outside is True and _has_credential(target) and target.get("tls") is not True:
        yield (
            here,
            "is outside of our network, where its credential would travel in the clear;"
            " set `tls: true`, or `external: false` if it is inside",
        )


def _of_url(here: Trail, endpoint: str, target: Raw, own_address: str) -> Iterator[Mistake]:
    """A base URL."""
    host = host_of(endpoint)
    allow_private = target.get("allow_private") is True
    if host is None:
        yield (
            here,
            "must be a base URL such as `https://api.openai.com/v1`,"
            " without user, query or fragment",
        )
    elif leads_to(_server_of(endpoint), own_address):
        yield (
            here,
            "is this router's own `router.http_address`, where its requests would go in a circle;"
            " name a provider, or another router by `provider: failsoft`",
        )
    elif not _can_be_looked_up(host):
        yield here, "names a host that cannot be one: each part of a name has 1 to 63 characters"
    elif not allow_private and is_private(host):
        yield here, "is a private address; set `allow_private: true` if it is meant"
    elif urlsplit(endpoint).scheme == "http" and _has_credential(target):
        if is_public(host):
            yield here, "would have its credential travel in the clear; use `https://`"
        elif not allow_private:
            yield (
                here,
                "would have its credential travel in the clear; use `https://`,"
                " or set `allow_private: true` if its host is in our own network",
            )


def _server_of(url: str) -> str:
    """`host:port` of a base URL."""
    parts = urlsplit(url)
    if parts.port is not None:
        return parts.netloc
    return f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"


def _can_be_looked_up(host: str) -> bool:
    """Whether resolvers take it for a name at all, or an address."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _has_credential(target: Raw) -> bool:
    return target.get("credential") is not None
