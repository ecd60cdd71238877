"""Where an endpoint leads: to our own network, or out of it.

Two questions with two defaults. A provider's endpoint must not lead into our own network
unless the policy allows it, so whatever may be private counts as private. A service of
ours is trusted with our token, so whatever may be outside counts as outside.
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from failsoft_router.core.service_address import SCHEME

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
"""For a network's own use (RFC 8215); Python's `is_global` does not know it everywhere."""

_NUMBERS = re.compile(r"[0-9.]+")
_LABEL = re.compile(r"[a-z]([a-z0-9_-]*[a-z0-9])?")
_IN_CLUSTER = (".svc", ".svc.cluster.local")


def host_of(url: str) -> str | None:
    """The host of a base URL; None: it is no base URL.

    A user, a query or a fragment is refused: each can make a URL look as if it led elsewhere.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port == 0 or any(mark in url for mark in "@?#"):
        return None
    return parts.hostname or None


def is_private(host: str) -> bool:
    """Whether the public internet cannot reach it; of names only `localhost` is known."""
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    if address is None:
        # The system reads `127.1` and `2130706433` as addresses, the check cannot.
        return _NUMBERS.fullmatch(name) is not None
    return not address.is_global or address.is_multicast or address in _NAT64_LOCAL


def is_public(host: str) -> bool:
    """Whether it is certainly outside: an address of the public internet, not a name."""
    return _address(_plain(host)) is not None and not is_private(host)


def in_own_network(endpoint: str) -> bool:
    """Whether a gRPC target is on this machine, at a private address or in our cluster.

    A name of one label is a service of the same namespace, or a machine next to us.
    """
    if endpoint.startswith(("unix:", "unix-abstract:", SCHEME)):
        return True
    places = _authorities(endpoint)
    return bool(places) and all(_is_ours(_without_port(each)) for each in places)


def leads_to(endpoint: str, listening: str) -> bool:
    """Whether a gRPC target is certainly the address that this process listens on.

    What only the network knows (a name of the cluster, an address of this machine that it
    does not listen on by name) is not seen here.

    Args:
        listening: `host:port`; one that takes any free port is nobody's target.
    """
    ours, port = _without_port(listening), _port(listening)
    return port not in ("", "0") and any(
        _port(each) == port and _same_place(_plain(_without_port(each)), _plain(ours))
        for each in _authorities(endpoint)
    )


def _authorities(endpoint: str) -> Sequence[str]:
    """What a gRPC target names, each with or without its port; empty: no host at all."""
    scheme, _, rest = endpoint.partition(":")
    match scheme:
        case "unix" | "unix-abstract":
            return ()
        case "dns":
            return (rest.rpartition("/")[2],)
        case "ipv4" | "ipv6":
            return rest.split(",")
        case _:
            return () if "/" in endpoint else (endpoint,)


def _same_place(left: str, right: str) -> bool:
    """Whether both are the same address, or one of them is any address of this machine."""
    if left == right:
        return True
    return _is_here(left) and _is_here(right) and (_is_any(left) or _is_any(right))


def _is_here(host: str) -> bool:
    address = _address_as_written(host)
    return _is_any(host) or (address is not None and address.is_loopback)


def _is_any(host: str) -> bool:
    """Whether it is every loopback address, or every one of this machine."""
    address = _address_as_written(host)
    return host == "localhost" or (address is not None and address.is_unspecified)


def _is_ours(host: str) -> bool:
    name = _plain(host)
    if _LABEL.fullmatch(name) or name.endswith(_IN_CLUSTER):
        return True
    unreadable = _NUMBERS.fullmatch(name) is not None and _address(name) is None
    return is_private(name) and not unreadable


def _plain(host: str) -> str:
    """As names are compared: without case and the dot that ends a full name."""
    return host.lower().removesuffix(".")


def _without_port(authority: str) -> str:
    """The host of `host:port`, `[address]:port`, or of one without a port."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0] if authority.count(":") == 1 else authority


def _port(authority: str) -> str:
    """The port of `host:port` or `[address]:port`; empty without one."""
    host, colon, port = authority.rpartition(":")
    return port if colon and (":" not in host or host.endswith("]")) else ""


def _address(host: str) -> Address | None:
    """The address that packets go to, taken out of what wraps it; None: it is a name."""
    address = _address_as_written(host)
    return _unwrapped(address) if isinstance(address, ipaddress.IPv6Address) else address


def _address_as_written(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _unwrapped(address: ipaddress.IPv6Address) -> Address:
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
