"""Errors say what they are by class, and carry facts rather than prose."""

import re

import pytest

from failsoft_model.errors import (
    BudgetSpent,
    Code,
    FailsoftError,
    FieldViolation,
    InvalidRequest,
    Overloaded,
    PermissionDenied,
    ShuttingDown,
    Unauthenticated,
)

SHARED = [
    (FailsoftError, Code.INTERNAL, "INTERNAL"),
    (InvalidRequest, Code.INVALID_ARGUMENT, "INVALID_REQUEST"),
    (Unauthenticated, Code.UNAUTHENTICATED, "UNAUTHENTICATED"),
    (PermissionDenied, Code.PERMISSION_DENIED, "PERMISSION_DENIED"),
    (Overloaded, Code.RESOURCE_EXHAUSTED, "OVERLOADED"),
    (BudgetSpent, Code.DEADLINE_EXCEEDED, "BUDGET_SPENT"),
    (ShuttingDown, Code.UNAVAILABLE, "SHUTTING_DOWN"),
]


@pytest.mark.parametrize(("kind", "code", "reason"), SHARED)
def test_codes_and_reasons_are_a_contract(
    kind: type[FailsoftError], code: Code, reason: str
) -> None:
    """Clients switch on them, so a change here breaks somebody."""
    assert (kind.code, kind.reason) == (code, reason)


def test_every_shared_error_is_in_the_table_above() -> None:
    ours = {k for k in FailsoftError.__subclasses__() if k.__module__ == "failsoft_model.errors"}

    assert ours | {FailsoftError} == {kind for kind, _, _ in SHARED}


def test_a_code_is_named_as_in_the_contract() -> None:
    """The mapping to gRPC's own enum goes by name."""
    assert [code.value for code in Code] == [code.name for code in Code]
    assert all(re.fullmatch(r"[A-Z_]+", code.name) for code in Code)


def test_an_error_without_hints_has_none() -> None:
    error = Overloaded("the queue is full")

    assert str(error) == error.message == "the queue is full"
    assert error.retry_after is None
    assert error.metadata == {}
    assert error.violations == ()


def test_an_error_keeps_what_it_was_told_when_the_teller_changes_it() -> None:
    """The same error object is rendered later, by the front door."""
    facts = {"openTargets": "2"}
    wrong = [FieldViolation(field="messages", description="at least one is needed")]

    error = InvalidRequest("2 fields", retry_after=1.5, metadata=facts, violations=wrong)
    facts["openTargets"] = "3"
    wrong.clear()

    assert error.retry_after == 1.5
    assert error.metadata == {"openTargets": "2"}
    assert error.violations == (
        FieldViolation(field="messages", description="at least one is needed"),
    )
