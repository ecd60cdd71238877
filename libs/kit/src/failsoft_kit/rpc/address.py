"""Where a server listens: reading `host:port`, and saying why it cannot be had."""

import ipaddress
import re
import socket
from dataclasses import dataclass

from failsoft_kit.startup import StartupError

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")
_PORTS = range(65536)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A host (name, IPv4, or IPv6 without brackets) and a TCP port, 0 for any free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str, *, setting: str) -> Address:
    """Read `host:port`.

    Args:
        setting: Where the operator wrote it, for the message.

    Raises:
        StartupError: it is something else.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) not in _PORTS:
        raise StartupError(
            f"{setting}: {text!r} is no address; write host:port such as 127.0.0.1:50050,"
            " the port from 0 to 65535"
        )
    return Address(host=match["host"].strip("[]"), port=int(match["port"]))


def why_not_bound(address: Address) -> str:
    """Try to bind the address and say in words what is in the way."""
    try:
        infos = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        return f"the host is not known here ({error.strerror})"
    for family, kind, protocol, _, where in infos:
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.bind(where)
            except OSError as error:
                return (error.strerror or "it was refused").lower()
    return "it was refused"
