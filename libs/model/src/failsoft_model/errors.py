"""The base of every error that a caller can act on.

Code that meets a mistake raises a subclass of `FailsoftError`; it knows nothing of gRPC or HTTP.
The front doors translate: code, reason, hint and violations become a status with details.
Whatever else is raised is a bug of ours and leaves as INTERNAL with a request id and no text.

This lives in the model because a service's `core` declares its errors and may import nothing else.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


class Code(enum.Enum):
    """What kind of failure it is: gRPC's codes without OK, by their names."""

    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    UNAUTHENTICATED = "UNAUTHENTICATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldViolation:
    """One thing that is wrong with one field of a request."""

    field: str
    """Path of the field as the contract spells it: `messages[2].parts[0].text`."""
    description: str
    """What is wrong and what is allowed; never the field's own text."""


class FailsoftError(Exception):
    """Base of every error that a caller can act on.

    A subclass says what it is by its `code` (for every client) and its `reason`
    (for ours: UPPER_SNAKE_CASE, never renamed once released).
    """

    code: ClassVar[Code] = Code.INTERNAL
    reason: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        """
        Args:
            message: For the developer who reads it. No prompt text, no secrets.
            retry_after: Seconds before a retry can succeed; None: nothing is known about that.
            metadata: Facts for machines, the unit in the key: `{"openTargets": "2"}`.
            violations: What is wrong with which field; for an invalid request.
        """
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.violations = tuple(violations)


class InvalidRequest(FailsoftError):
    """The request breaks the contract; the caller has to change it."""

    code = Code.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class Unauthenticated(FailsoftError):
    """Nobody knows who the caller is."""

    code = Code.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class PermissionDenied(FailsoftError):
    """It is known who the caller is, and they may not do this."""

    code = Code.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"


class Overloaded(FailsoftError):
    """There is no room now; a later retry may find some."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"


class BudgetSpent(FailsoftError):
    """The caller's time was used up before there was an answer."""

    code = Code.DEADLINE_EXCEEDED
    reason = "BUDGET_SPENT"


class ShuttingDown(FailsoftError):
    """This process is draining; another replica may answer at once."""

    code = Code.UNAVAILABLE
    reason = "SHUTTING_DOWN"
