"""The calls that a service is answering now, so that a drain can wait for them or end them."""

import asyncio

from failsoft_kit.call import Call, enter
from failsoft_kit.deadline import Deadline
from failsoft_kit.identity import Principal
from failsoft_kit.telemetry.span import Span, activate


class RunningCall:
    """One call from its arrival to its end.

    `held` is False for calls that no drain waits for: health and reflection.
    """

    __slots__ = (
        "aborted",
        "attempt_id",
        "deadline_at",
        "depth",
        "held",
        "method",
        "request_id",
        "span",
        "started",
        "task",
        "writing",
    )

    def __init__(
        self,
        *,
        method: str,
        held: bool,
        request_id: str,
        attempt_id: str | None,
        depth: int,
        span: Span,
        started: float,
        deadline_at: float,
        task: "asyncio.Task[object] | None",
    ) -> None:
        self.method = method
        self.held = held
        self.request_id = request_id
        self.attempt_id = attempt_id
        self.depth = depth
        self.span = span
        self.started = started
        self.deadline_at = deadline_at
        self.task = task
        self.aborted = False
        """Whether the drain ends it, and not its caller."""
        self.writing = False
        """Whether a message is on its way, after which alone a status can follow."""

    def let_in(self, principal: Principal) -> None:
        """It is this caller's, and the current call of its task from now on."""
        self.span.set("failsoft.tenant.id", principal.tenant)
        self.span.set("failsoft.request.id", self.request_id)
        activate(self.span)
        enter(
            Call(
                method=self.method,
                principal=principal,
                deadline=Deadline(at=self.deadline_at),
                request_id=self.request_id,
                span=self.span,
                attempt_id=self.attempt_id,
                depth=self.depth,
            )
        )

    def abort(self) -> None:
        """End it: at once, or after the message that is on its way."""
        self.aborted = True
        if self.task is not None and not self.writing:
            self.task.cancel()

    def written(self) -> None:
        """The message is out; raises CancelledError if that was to be the last one."""
        self.writing = False
        if self.aborted:
            raise asyncio.CancelledError


class RunningCalls:
    """All of them, over all listeners of a service."""

    def __init__(self) -> None:
        self._calls: set[RunningCall] = set()
        self._ended = asyncio.Event()

    def add(self, call: RunningCall) -> None:
        """A call has arrived."""
        self._calls.add(call)

    def remove(self, call: RunningCall) -> None:
        """It is over."""
        self._calls.discard(call)
        self._ended.set()

    async def wait_until_idle(self) -> None:
        """Until no call is left that is worth waiting for."""
        while any(call.held for call in self._calls):
            self._ended.clear()
            await self._ended.wait()

    def abort(self) -> int:
        """End the calls that were worth waiting for; each says why. How many there were."""
        held = [call for call in self._calls if call.held]
        for call in held:
            call.abort()
        return len(held)
