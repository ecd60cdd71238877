"""A channel that is another one from time to time."""
# ruff: noqa: ANN401 - it hands through calls of any type

from collections.abc import Callable
from typing import Any

import grpc

from failsoft_kit.rpc.wrapped import MakeMethod, WrappedChannel


class RenewedChannel(WrappedChannel):
    """The channel that was opened last. Calls stay on the one that they began on."""

    def __init__(
        self,
        open_: Callable[[], grpc.aio.Channel],
        *,
        on_close: Callable[["RenewedChannel"], None],
    ) -> None:
        super().__init__(open_())
        self._open = open_
        self._on_close = on_close

    @property
    def current(self) -> grpc.aio.Channel:
        """The one that calls begin on now."""
        return self._channel

    def renew(self) -> grpc.aio.Channel:
        """Open another one for the calls from now on, and have it connect; gives the old one."""
        old, self._channel = self._channel, self._open()
        self._channel.get_state(try_to_connect=True)
        return old

    async def close(self, grace: float | None = None) -> None:
        self._on_close(self)
        await super().close(grace)

    def _method(self, make: MakeMethod) -> Callable[..., Any]:
        """Made anew when the channel is another one."""
        made_for, method = self._channel, make(self._channel)

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal made_for, method
            if made_for is not self._channel:
                made_for, method = self._channel, make(self._channel)
            return method(*args, **kwargs)

        return call
