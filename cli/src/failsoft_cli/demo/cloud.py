"""The look-alike that plays the cloud: its process, and telling it how to fail."""

import asyncio
from collections.abc import Mapping
from http.client import HTTPConnection

from failsoft_cli.addresses import LOOPBACK, on_loopback
from failsoft_cli.supervisor.data_dir import DataDir
from failsoft_cli.supervisor.keeper import Service
from failsoft_cli.supervisor.process import Program
from failsoft_cli.supervisor.readiness import accepts_connections
from failsoft_cli.supervisor.services import python_module

NAME = "cloud"

_CHUNK_DELAY = "0.02"
_GRACE = 5.0
_COMMAND_SECONDS = 5.0


class CloudControl:
    """Tells a running look-alike what to do."""

    def __init__(self, port: int) -> None:
        """
        Args:
            port: Of its control API.
        """
        self._port = port

    async def fail(self, fault: str) -> None:
        """Fail like this from now on; in the look-alike's short form, such as `status=503`."""
        await asyncio.to_thread(self._command, "PUT", fault)

    async def heal(self) -> None:
        """Answer again."""
        await asyncio.to_thread(self._command, "DELETE", "")

    def _command(self, method: str, body: str) -> None:
        connection = HTTPConnection(LOOPBACK, self._port, timeout=_COMMAND_SECONDS)
        try:
            connection.request(method, "/control/fault", body=body)
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"the look-alike refused {method} {body}: {response.read()!r}")
        finally:
            connection.close()


def cloud_service(
    data: DataDir, *, port: int, control_port: int, environ: Mapping[str, str]
) -> Service:
    """The look-alike as one of the services."""
    arguments = ("--port", str(port), "--control-port", str(control_port))
    return Service(
        name=NAME,
        address=on_loopback(port),
        program=Program(
            arguments=python_module("failsoft_upstream", *arguments, "--chunk-delay", _CHUNK_DELAY),
            environ=environ,
            log=data.log(NAME),
        ),
        probe=accepts_connections(LOOPBACK, control_port),
        grace=_GRACE,
    )
