"""A channel that shows the service token with every call."""
# ruff: noqa: ANN401 - it hands through calls of any type

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import grpc

from failsoft_kit.identity import AUTHORIZATION_METADATA, ServiceToken


class AuthorizedChannel(grpc.aio.Channel):
    """Another channel, with the token added to the metadata of every call.

    Not a client interceptor: those cost a task per call, and lose cancellation.
    """

    def __init__(self, channel: grpc.aio.Channel, token: ServiceToken) -> None:
        self._channel = channel
        self._token = token

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._authorized(self._channel.unary_unary(method, *args, **kwargs))

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._authorized(self._channel.unary_stream(method, *args, **kwargs))

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._authorized(self._channel.stream_unary(method, *args, **kwargs))

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._authorized(self._channel.stream_stream(method, *args, **kwargs))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    async def __aenter__(self) -> Self:
        await self._channel.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return await self._channel.__aexit__(exc_type, exc_val, exc_tb)

    def _authorized(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def authorized(
            *args: Any, metadata: Sequence[tuple[str, str | bytes]] | None = None, **kwargs: Any
        ) -> Any:
            shown = (AUTHORIZATION_METADATA, self._token.authorization())
            return call(*args, metadata=(*(metadata or ()), shown), **kwargs)

        return authorized
