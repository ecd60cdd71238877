"""A channel that is another one from time to time."""
# ruff: noqa: ANN401 - it hands through calls of any type

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc


class RenewedChannel(grpc.aio.Channel):
    """The channel that was opened last. Calls stay on the one that they began on."""

    def __init__(
        self,
        open_: Callable[[], grpc.aio.Channel],
        *,
        on_close: Callable[["RenewedChannel"], None],
    ) -> None:
        self._open = open_
        self._on_close = on_close
        self._channel = open_()

    @property
    def current(self) -> grpc.aio.Channel:
        """The one that calls begin on now."""
        return self._channel

    def renew(self) -> grpc.aio.Channel:
        """Open another one for the calls from now on, and have it connect; gives the old one."""
        old, self._channel = self._channel, self._open()
        self._channel.get_state(try_to_connect=True)
        return old

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._renewed(lambda channel: channel.unary_unary(*args, **kwargs))

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._renewed(lambda channel: channel.unary_stream(*args, **kwargs))

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._renewed(lambda channel: channel.stream_unary(*args, **kwargs))

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._renewed(lambda channel: channel.stream_stream(*args, **kwargs))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        self._on_close(self)
        await self._channel.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        await self.close()
        return None

    def _renewed(self, make: Callable[[grpc.aio.Channel], Callable[..., Any]]) -> Any:
        """The method of a stub, made anew when the channel is another one."""
        made_for, method = self._channel, make(self._channel)

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal made_for, method
            if made_for is not self._channel:
                made_for, method = self._channel, make(self._channel)
            return method(*args, **kwargs)

        return call
