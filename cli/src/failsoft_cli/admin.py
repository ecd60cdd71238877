"""Calling the router's admin port."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft.router.v1.admin_service_pb2_grpc import RouterAdminServiceStub
from failsoft_client.errors import failure
from failsoft_kit.identity import ServiceToken

_LIST_SECONDS = 5.0
_CHECK_SECONDS = 60.0


class Admin:
    """What an operator asks a router; get one from `connected`.

    Every method raises FailsoftRpcError when the call fails.
    """

    def __init__(self, channel: grpc.Channel, token: ServiceToken | None) -> None:
        self._stub = RouterAdminServiceStub(channel)
        self._metadata = () if token is None else (("authorization", token.authorization()),)

    def targets(self) -> Sequence[pb.Target]:
        """The targets in the policy's order."""
        try:
            reply = self._stub.ListTargets(
                pb.ListTargetsRequest(), timeout=_LIST_SECONDS, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise failure(error) from error
        return reply.targets

    def check(self, targets: Sequence[pb.Target]) -> Sequence[pb.CheckTargetResponse]:
        """What one tiny call to each of them gives; all are called at the same time."""
        calls = [
            self._stub.CheckTarget.future(
                pb.CheckTargetRequest(target=target.name),
                timeout=_CHECK_SECONDS,
                metadata=self._metadata,
            )
            for target in targets
        ]
        try:
            return [call.result() for call in calls]
        except grpc.RpcError as error:
            raise failure(error) from error


@contextmanager
def connected(address: str, *, token_file: Path) -> Iterator[Admin]:
    """A connection to an admin port.

    Args:
        token_file: The service token; where there is no such file, none is shown.

    Raises:
        StartupError: The file holds no token.
    """
    token = ServiceToken.from_file(token_file) if token_file.exists() else None
    with grpc.insecure_channel(address, options=(("grpc.enable_retries", 0),)) as channel:
        yield Admin(channel, token)
