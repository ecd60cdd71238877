"""Where an endpoint leads: to our own network, or out of it.

Two questions with two defaults. A provider's endpoint must not lead into our own network
unless the policy allows it, so whatever may be private counts as private. A service of
ours is trusted with our token, so whatever may be outside counts as outside.
"""

import ipaddress
import re
from urllib.parse import urlsplit

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


def in_own_network(endpoint: str) -> bool:
    """Whether a gRPC target is on this machine, at a private address or in our cluster.

    A name of one label is a service of the same namespace, or a machine next to us.
    """
    scheme, _, rest = endpoint.partition(":")
    match scheme:
        case "unix" | "unix-abstract":
            return True
        case "dns":
            return _is_ours(_without_port(rest.rpartition("/")[2]))
        case "ipv4" | "ipv6":
            return all(_is_ours(_without_port(each)) for each in rest.split(","))
        case _:
            return "/" not in endpoint and _is_ours(_without_port(endpoint))


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


def _address(host: str) -> Address | None:
    """The address that packets go to, taken out of what wraps it; None: it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return address if isinstance(address, ipaddress.IPv4Address) else _unwrapped(address)


def _unwrapped(address: ipaddress.IPv6Address) -> Address:
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
