"""`grpc.health.v1`: what a service says about itself to probes, balancers and people.

There is one state per name, and "" for the whole server, which is well when every name
is. When the server drains everything is NOT_SERVING and stays so.
Only `liveness` is always well: a process that loads, mends its engine or drains is alive.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import structlog
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.typing import FilteringBoundLogger

from failsoft_model.errors import Code, FailsoftError, ShuttingDown

_log: FilteringBoundLogger = structlog.get_logger()

LIVENESS = "liveness"
"""The name that a liveness probe asks for: who answers in time is alive. It is not listed."""

_WHOLE_SERVER = ""


class UnknownService(FailsoftError):
    """Nobody reports the health of that name."""

    code = Code.NOT_FOUND
    reason = "HEALTH_SERVICE_UNKNOWN"


@dataclass(frozen=True, slots=True)
class _State:
    """How one name is, and what made it so."""

    serving: bool
    why: str


class Health:
    """What is well and what isn't.

    Args:
        names: Names that are not well until `set` says so.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._states = dict.fromkeys(names, _State(serving=False, why=""))
        self._draining = False
        self._changed = asyncio.Event()

    def set(self, service: str, *, serving: bool, why: str) -> None:
        """Say how a service is; a change, of the reason too, is one line in the log.

        Args:
            why: For the operator: what made it so. A constant or a state, never a number that
                changes all the time.
        """
        before, now = self._states.get(service), _State(serving=serving, why=why)
        if before == now:
            return
        self._states[service] = now
        _log.info("health.changed", name=service, serving=serving, why=why)
        if before is None or before.serving is not serving:
            self._wake_watchers()

    def drain(self) -> None:
        """From now on nothing is well, whatever `set` says."""
        self._draining = True
        self._wake_watchers()

    async def until_drain(self) -> None:
        """Wait until nothing is well for good: `drain` was called."""
        while not self._draining:
            await self._changed.wait()

    def serving(self, service: str) -> bool | None:
        """Whether a name, or "" for all of them, is well; None: nobody reports that name."""
        if service == _WHOLE_SERVER:
            return not self._draining and all(each.serving for each in self._states.values())
        if service == LIVENESS:
            return True
        known = self._states.get(service)
        return None if known is None else known.serving and not self._draining

    def why(self, service: str) -> str | None:
        """What made a name as it is, for people; None: nobody reports that name.

        A service that is well may say here in what it is degraded.
        """
        known = self._states.get(service)
        return None if known is None else known.why

    def services(self) -> tuple[str, ...]:
        """Every name, "" first."""
        return (_WHOLE_SERVER, *self._states)

    async def changes(self, service: str) -> AsyncIterator[bool | None]:
        """What `serving` says now, and then each time that it says something else.

        Raises:
            ShuttingDown: the server drains, and has said so.
        """
        said: list[bool | None] = []
        while True:
            serving = self.serving(service)
            if said != [serving]:
                said = [serving]
                yield serving
            elif self._draining:
                raise ShuttingDown("the server is shutting down")
            else:
                await self._changed.wait()

    def _wake_watchers(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class HealthServicer(health_pb2_grpc.HealthServicer):
    """Translates `Health` to the protocol."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def Check(  # noqa: N802 - the name is the contract's
        self, request: health_pb2.HealthCheckRequest, context: object
    ) -> health_pb2.HealthCheckResponse:
        serving = self._health.serving(request.service)
        if serving is None:
            raise UnknownService("no service of that name reports its health")
        return _response(serving)

    async def List(  # noqa: N802 - the name is the contract's
        self, request: Message, context: object
    ) -> Message:
        services = self._health.services()
        reply: Message = health_pb2.HealthListResponse(  # type: ignore[attr-defined] # newer than its stubs
            statuses={name: _response(self._health.serving(name)) for name in services}
        )
        return reply

    async def Watch(  # noqa: N802 - the name is the contract's
        self, request: health_pb2.HealthCheckRequest, context: object
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        async for serving in self._health.changes(request.service):
            yield _response(serving)


def _response(serving: bool | None) -> health_pb2.HealthCheckResponse:  # noqa: FBT001 - one thing
    return health_pb2.HealthCheckResponse(status=_STATUSES[serving])


_STATUSES = {
    None: health_pb2.HealthCheckResponse.SERVICE_UNKNOWN,
    True: health_pb2.HealthCheckResponse.SERVING,
    False: health_pb2.HealthCheckResponse.NOT_SERVING,
}
