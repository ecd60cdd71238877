"""A channel that shows the service token with every call."""
# ruff: noqa: ANN401 - it hands through calls of any type

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from failsoft_kit.identity import AUTHORIZATION_METADATA, ServiceToken
from failsoft_kit.rpc.wrapped import MakeMethod, WrappedChannel


class AuthorizedChannel(WrappedChannel):
    """Another channel, with the token added to the metadata of every call.

    Not a client interceptor: those cost a task per call, and lose cancellation.
    """

    def __init__(self, channel: grpc.aio.Channel, token: ServiceToken) -> None:
        super().__init__(channel)
        self._token = token

    def _method(self, make: MakeMethod) -> Callable[..., Any]:
        call = make(self._channel)

        def authorized(
            *args: Any, metadata: Sequence[tuple[str, str | bytes]] | None = None, **kwargs: Any
        ) -> Any:
            shown = (AUTHORIZATION_METADATA, self._token.authorization())
            return call(*args, metadata=(*(metadata or ()), shown), **kwargs)

        return authorized
