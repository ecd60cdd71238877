"""EndpointSlices as the Kubernetes API writes them, and the endpoints that they name.

A service has as many slices as it needs, of each family of addresses; the same endpoint may
be in two of them for a moment, and is ready if one says so. What a slice does not say of an
endpoint is as the API has it: it is ready, and does not terminate.
"""

from collections.abc import Iterator, Mapping

import msgspec

from failsoft_router.core.endpoints import Endpoint

_FAMILIES = ("IPv4", "IPv6")
"""The first that a service has; of two, each pod has an address in both."""

_GONE = 410


class Refused(Exception):
    """The API answers a watch with an error.

    Attributes:
        code: As in HTTP.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the API ended its watch with {code}")
        self.code = code

    @property
    def expired(self) -> bool:
        """Whether what was known is too old to be told the changes of."""
        return self.code == _GONE


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    resource_version: str = ""


class _Conditions(msgspec.Struct):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class _Endpoint(msgspec.Struct):
    addresses: list[str]
    conditions: _Conditions | None = None


class _Port(msgspec.Struct):
    name: str | None = None
    port: int | None = None


class _Slice(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    address_type: str
    endpoints: list[_Endpoint] | None = None
    ports: list[_Port] | None = None


class _List(msgspec.Struct):
    metadata: _Metadata
    items: list[_Slice] | None = None


class _Bookmark(msgspec.Struct):
    metadata: _Metadata


class _Status(msgspec.Struct):
    code: int = 0


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


_read_list = msgspec.json.Decoder(_List).decode
_read_event = msgspec.json.Decoder(_Event).decode
_read_slice = msgspec.json.Decoder(_Slice).decode
_read_bookmark = msgspec.json.Decoder(_Bookmark).decode
_read_status = msgspec.json.Decoder(_Status).decode


class Slices:
    """The slices of one service, and what they say of one of its ports."""

    def __init__(self, port: str) -> None:
        """
        Args:
            port: Its name, or its number in digits.
        """
        self._port = port
        self._slices: dict[str, _Slice] = {}
        self.version = ""
        """Up to which of the API's versions all changes are known."""

    def replace(self, listed: bytes) -> None:
        """Take the API's list for all that there is.

        Raises:
            ValueError: It is none.
        """
        read = _read_list(listed)
        self._slices = {each.metadata.name: each for each in read.items or ()}
        self.version = read.metadata.resource_version

    def apply(self, event: bytes) -> bool:
        """Take one line of a watch; gives whether it may have changed the endpoints.

        Raises:
            Refused: It says that the watch is over.
            ValueError: It is no event.
        """
        read = _read_event(event)
        match read.type:
            case "ADDED" | "MODIFIED":
                changed = _read_slice(read.object)
                self._slices[changed.metadata.name] = changed
            case "DELETED":
                changed = _read_slice(read.object)
                self._slices.pop(changed.metadata.name, None)
            case "BOOKMARK":
                self.version = _read_bookmark(read.object).metadata.resource_version
                return False
            case _:
                raise Refused(_read_status(read.object).code)
        self.version = changed.metadata.resource_version
        return True

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those that there are now, by address."""
        for family in _FAMILIES:
            found: dict[str, bool] = {}
            for address, ready in self._of(family):
                found[address] = ready or found.get(address, False)
            if found:
                return _sorted(found)
        return ()

    def _of(self, family: str) -> Iterator[tuple[str, bool]]:
        for each in self._slices.values():
            port = self._number(each) if each.address_type == family else None
            if port is not None:
                for endpoint in each.endpoints or ():
                    # All addresses of one are the same; the API says to use the first.
                    for host in endpoint.addresses[:1]:
                        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                        yield address, _is_ready(endpoint.conditions or _Conditions())

    def _number(self, slice_: _Slice) -> int | None:
        """The number of the port in this slice; None: it has no such port."""
        for port in slice_.ports or ():
            if port.port is not None and self._port in (port.name, str(port.port)):
                return port.port
        return None


def _is_ready(conditions: _Conditions) -> bool:
    """Whether it takes calls.

    A service may publish pods before they are ready; `serving` tells the truth of these, too.
    """
    unready = conditions.ready is False or conditions.serving is False
    return not (unready or conditions.terminating)


def _sorted(ready: Mapping[str, bool]) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(address=each, ready=ready[each]) for each in sorted(ready))
