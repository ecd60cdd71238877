"""A listening socket that can be shut and opened again on the same port."""

import asyncio
import socket

from aiohttp import web


class Listener:
    """Serves one address; while it is shut, connections are refused by the kernel.

    The port stays ours all the time: a socket that is bound and does not listen
    refuses whoever connects, and nobody else can take its port.
    """

    def __init__(self, *, host: str, port: int) -> None:
        """Bind, not listen.

        Args:
            host: An IPv4 or IPv6 address or a name of this machine.
            port: 0: any free one.

        Raises:
            OSError: The address cannot be had; the message names it.
        """
        self._socket = _bound(host, port)
        self._server: web.Server | None = None
        self._serving: asyncio.Server | None = None
        self._opened = asyncio.Event()
        self.host = host
        self.port: int = self._socket.getsockname()[1]

    @property
    def is_open(self) -> bool:
        """Whether it accepts connections."""
        return self._serving is not None

    async def start(self, server: web.Server) -> None:
        """Accept connections for `server`, now and whenever it is opened again."""
        self._server = server
        await self.open()

    async def open(self) -> None:
        """Accept connections; does nothing when it does so already, or was never started."""
        if self._serving is None and self._server is not None:
            loop = asyncio.get_running_loop()
            self._serving = await loop.create_server(
                self._server, sock=self._socket, start_serving=False
            )
            # Known before it listens: whoever cancels us here can still shut it.
            await self._serving.start_serving()
            self._opened.set()

    async def wait_until_open(self) -> None:
        """Return as soon as it accepts connections."""
        await self._opened.wait()

    def shut(self) -> None:
        """Refuse connections and close the open ones, as if the process were gone."""
        if self._serving is not None and self._server is not None:
            self._serving.close()
            self._serving = None
            self._opened.clear()
            self._socket = _bound(self.host, self.port)
            for connection in self._server.connections:
                connection.force_close()

    def close(self) -> None:
        """Give the port back; may be called twice."""
        if self._serving is not None:
            self._serving.close()
        else:
            self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, proto)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return bound
