"""Calling the router's admin port."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import grpc
from google.protobuf.duration_pb2 import Duration

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft.router.v1.admin_service_pb2_grpc import RouterAdminServiceStub
from failsoft_client import Tls
from failsoft_client.errors import failure
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import FOLLOWING_METADATA

_CALL_SECONDS = 5.0
_RELOAD_SECONDS = 30.0
"""The policy may be on a slow disk."""
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
        with _failures():
            return self._stub.ListTargets(
                pb.ListTargetsRequest(), timeout=_CALL_SECONDS, metadata=self._metadata
            ).targets

    def watch_targets(self) -> Iterator[Sequence[pb.Target]]:
        """The targets, again whenever they have changed; until it is closed."""
        with _failures():
            call = self._stub.WatchTargets(pb.WatchTargetsRequest(), metadata=self._metadata)
            try:
                for reply in call:
                    yield reply.targets
            finally:
                call.cancel()

    @contextmanager
    def watching_hops(self, *, tenant: str, route: str) -> Iterator[Iterator[pb.WatchHopsResponse]]:
        """The hops that end from now on, inside the block; one that ends is not missed.

        Args:
            tenant: Whose; empty: everybody's.
            route: Of which route; empty: of any.
        """
        request = pb.WatchHopsRequest(tenant=tenant, route=route)
        with _failures():
            call = self._stub.WatchHops(request, metadata=self._metadata)
            try:
                follows = any(key == FOLLOWING_METADATA for key, _ in call.initial_metadata())
                # A call that is refused has none of it, and its first reply raises why.
                first = () if follows else (next(call),)
                yield chain(first, call)
            finally:
                call.cancel()

    def explain(self, id_: str, *, tenant: str) -> pb.ExplainRequestResponse:
        """What was done for a request.

        Args:
            id_: Of its walk, its trace or itself.
            tenant: Whose request id it is; empty: anybody's.
        """
        request = pb.ExplainRequestRequest(any_id=id_, tenant=tenant)
        with _failures():
            return self._stub.ExplainRequest(
                request, timeout=_CALL_SECONDS, metadata=self._metadata
            )

    def isolate(self, target: str, *, ttl: float, actor: str, reason: str) -> pb.Target:
        """Take a target out for `ttl` seconds; as it is then."""
        duration = Duration()
        duration.FromNanoseconds(round(ttl * 1e9))
        request = pb.IsolateTargetRequest(target=target, ttl=duration, actor=actor, reason=reason)
        with _failures():
            return self._stub.IsolateTarget(
                request, timeout=_CALL_SECONDS, metadata=self._metadata
            ).target

    def release(self, target: str, *, actor: str, all_gates: bool) -> pb.ReleaseTargetResponse:
        """Let a target in again, also past what a provider's refusals have shut."""
        request = pb.ReleaseTargetRequest(target=target, actor=actor, all_gates=all_gates)
        with _failures():
            return self._stub.ReleaseTarget(request, timeout=_CALL_SECONDS, metadata=self._metadata)

    def reload(self) -> bool:
        """Have the policy read again; whether it differs from the one before."""
        with _failures():
            return self._stub.ReloadPolicy(
                pb.ReloadPolicyRequest(), timeout=_RELOAD_SECONDS, metadata=self._metadata
            ).changed

    def check(self, targets: Sequence[pb.Target]) -> Sequence[pb.CheckTargetResponse]:
        """What one tiny call to each of them gives; all are called at the same time.

        A check that has no result in time, or that the router cannot make, has failed; the
        others are told all the same.
        """
        calls = [
            self._stub.CheckTarget.future(
                pb.CheckTargetRequest(target=target.name),
                timeout=_CHECK_SECONDS,
                metadata=self._metadata,
            )
            for target in targets
        ]
        return [_checked(call.result) for call in calls]


def _checked(result: Callable[[], pb.CheckTargetResponse]) -> pb.CheckTargetResponse:
    """What came of one check, also where the call for it failed."""
    try:
        return result()
    except grpc.RpcError as error:
        why = failure(error)
        detail = f"the check itself failed: {why.message}"
        if why.code is grpc.StatusCode.DEADLINE_EXCEEDED:
            detail = f"there was no result within {_CHECK_SECONDS:g} s"
        return pb.CheckTargetResponse(result=pb.CHECK_RESULT_FAILED, detail=detail)


@contextmanager
def _failures() -> Iterator[None]:
    """What gRPC raises in the block leaves it as FailsoftRpcError."""
    try:
        yield
    except grpc.RpcError as error:
        raise failure(error) from error


@contextmanager
def connected(address: str, *, token_file: Path, tls: Tls | None = None) -> Iterator[Admin]:
    """A connection to an admin port.

    Args:
        token_file: The service token; where there is no such file, none is shown.
        tls: None: calls travel in the clear.

    Raises:
        StartupError: The file holds no token.
    """
    token = ServiceToken.from_file(token_file) if token_file.exists() else None
    if tls is None:
        opened = grpc.insecure_channel(address, options=(("grpc.enable_retries", 0),))
    else:
        opened = grpc.secure_channel(address, tls.credentials, tls.options)
    with opened as channel:
        yield Admin(channel, token)
