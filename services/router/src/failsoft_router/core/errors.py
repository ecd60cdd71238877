"""The errors a caller of the router can act on."""

from collections.abc import Sequence
from typing import ClassVar

from failsoft_model.errors import Code, FailsoftError, FieldViolation
from failsoft_model.walk import ErrorClass, Hop


class RouteNotFound(FailsoftError):
    """No route serves the model that was asked for, and no route is the default."""

    code: ClassVar[Code] = Code.NOT_FOUND
    reason: ClassVar[str] = "ROUTE_NOT_FOUND"


class TargetNotFound(FailsoftError):
    """The policy has no target of this name."""

    code: ClassVar[Code] = Code.NOT_FOUND
    reason: ClassVar[str] = "TARGET_NOT_FOUND"


class WalkNotFound(FailsoftError):
    """Nobody remembers a walk of this id.

    The metadata `walks` and `sinceSeconds` say how many the replica remembers, and how far back.
    """

    code: ClassVar[Code] = Code.NOT_FOUND
    reason: ClassVar[str] = "WALK_NOT_FOUND"


class PolicyRefused(FailsoftError):
    """The policy's file has mistakes, each of them a violation; the one before stays in force.

    Attributes:
        digest: Tells the refused content from another.

    The metadata `policy` is the digest.
    """

    code: ClassVar[Code] = Code.FAILED_PRECONDITION
    reason: ClassVar[str] = "POLICY_REFUSED"

    def __init__(self, *, digest: str, violations: Sequence[FieldViolation]) -> None:
        count = f"{len(violations)} mistakes" if len(violations) > 1 else "1 mistake"
        super().__init__(
            f"policy {digest} has {count}", metadata={"policy": digest}, violations=violations
        )
        self.digest = digest


class RouterLoop(FailsoftError):
    """The request has gone through too many routers: their policies lead in a circle."""

    code: ClassVar[Code] = Code.FAILED_PRECONDITION
    reason: ClassVar[str] = "ROUTER_LOOP"


class TenantLimited(FailsoftError):
    """The tenant has reached a limit of the policy; others are served.

    The metadata `limit` is the limit's name in the policy.
    """

    code: ClassVar[Code] = Code.RESOURCE_EXHAUSTED
    reason: ClassVar[str] = "TENANT_LIMITED"


class WalkError(FailsoftError):
    """A walk that ended without a whole answer.

    Attributes:
        hops: Every hop of the plan as it ended.
        cause: Class of the first telling failure; None when no target was tried.
        walk_id: The walk.
        route: Its route.
        trace_id: 32 hex digits; empty when the request was not traced.

    The metadata `cause` is the cause's name, or `egress` where our own way out of the
    network is down.
    """

    def __init__(
        self,
        message: str,
        *,
        hops: Sequence[Hop],
        cause: ErrorClass | None,
        walk_id: str,
        route: str,
        trace_id: str = "",
        retry_after: float | None = None,
        own_egress: bool = False,
    ) -> None:
        metadata = {"walkId": walk_id, "route": route}
        if own_egress:
            metadata["cause"] = "egress"
        elif cause is not None:
            metadata["cause"] = cause.value
        super().__init__(message, retry_after=retry_after, metadata=metadata)
        self.hops = tuple(hops)
        self.cause = cause
        self.walk_id = walk_id
        self.route = route
        self.trace_id = trace_id


class RouteExhausted(WalkError):
    """Every hop of the route refused, failed or was skipped."""

    code: ClassVar[Code] = Code.UNAVAILABLE
    reason: ClassVar[str] = "ROUTE_EXHAUSTED"


class WalkDeadlinePassed(WalkError):
    """The caller's deadline came before an answer."""

    code: ClassVar[Code] = Code.DEADLINE_EXCEEDED
    reason: ClassVar[str] = "BUDGET_SPENT"


class ContentRefused(WalkError):
    """The provider refused the content, and the route does not look further for that."""

    code: ClassVar[Code] = Code.FAILED_PRECONDITION
    reason: ClassVar[str] = "CONTENT_REFUSED"


class CallerFault(WalkError):
    """A target says that the request itself is wrong; no other target will differ."""

    code: ClassVar[Code] = Code.INVALID_ARGUMENT
    reason: ClassVar[str] = "INVALID_REQUEST"


class StreamBroken(WalkError):
    """The target died after content was sent, and the route lets nobody else go on."""

    code: ClassVar[Code] = Code.ABORTED
    reason: ClassVar[str] = "STREAM_BROKEN"


class ReaderStalled(WalkError):
    """The caller took nothing of its stream for a minute, so nothing more is sent."""

    code: ClassVar[Code] = Code.ABORTED
    reason: ClassVar[str] = "READER_STALLED"
