"""Collects the handlers that generated code wants to add to a server."""

from collections.abc import Mapping
from typing import cast

import grpc

from failsoft_kit.rpc.handlers import Handler


class Registrar:
    """Stands in for a server while servicers are added, so that handlers can be wrapped.

    `services` has the handlers by full service name and method.
    """

    def __init__(self) -> None:
        self.services: dict[str, Mapping[str, Handler]] = {}

    def as_server(self) -> grpc.aio.Server:
        """Itself, as what `add_…Servicer_to_server` wants: they call two methods of it."""
        return cast("grpc.aio.Server", self)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Keep the handlers of one service."""
        self.services[service_name] = method_handlers

    def add_generic_rpc_handlers(self, generic_rpc_handlers: object) -> None:
        """The same handlers in another form, for servers that know no registered methods."""
