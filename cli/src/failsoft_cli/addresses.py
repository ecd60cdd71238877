"""Where the services of one machine listen: loopback, the same ports as in the chart."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields
from typing import Self
from urllib.parse import urlsplit

from failsoft_kit.startup import StartupError

LOOPBACK = "127.0.0.1"
LARGEST_OFFSET = 15000

_OWNERS = {
    "router": "the router",
    "local_llm": "local-llm",
    "cache": "the cache",
    "admin": "the router's admin port",
    "http": "the router's HTTP port",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One port for each thing that listens."""

    router: int = 50050
    local_llm: int = 50051
    cache: int = 50052
    admin: int = 50060
    http: int = 50080

    @classmethod
    def shifted(cls, offset: int) -> Self:
        """The usual ports, each raised by `offset`."""
        return cls(**{name: port + offset for name, port in cls()})

    @classmethod
    def free(cls) -> Self:
        """Ports that nobody listens on at this moment."""
        names = [each.name for each in fields(cls)]
        return cls(**dict(zip(names, free_ports(len(names)), strict=True)))

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Each one's name and number."""
        return zip((each.name for each in fields(self)), astuple(self), strict=True)


def free_ports(count: int) -> tuple[int, ...]:
    """That many different ports that nobody listens on at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return tuple(each.getsockname()[1] for each in sockets)


def on_loopback(port: int) -> str:
    """A port as `host:port`."""
    return f"{LOOPBACK}:{port}"


def is_on_loopback(address: str) -> bool:
    """Whether a gRPC target is certainly on this machine."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = urlsplit(f"//{address.rpartition('/')[2]}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_taken(ports: Ports, *, advice: str) -> None:
    """Make sure that all ports can be had, before anything is started.

    Args:
        advice: What else the user can do than to free the port.

    Raises:
        StartupError: Somebody listens on some of them; names each.
    """
    taken = [(name, port) for name, port in ports if _is_taken(port)]
    if taken:
        raise StartupError(
            *(f"port {port} is in use; it is meant for {_OWNERS[name]}" for name, port in taken),
            f"end what listens there, or {advice}",
        )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections of the past that linger on the port are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
