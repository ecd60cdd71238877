"""Every class of error has one meaning, written down here a second time on purpose."""

import pytest

from failsoft_model.walk import ErrorClass
from failsoft_router.core.breaker import Result
from failsoft_router.core.outcome import VERDICTS, Next, Verdict, goes_on

TABLE = {
    ErrorClass.TRANSIENT: (Next.HOP, Result.FAILED),
    ErrorClass.RATE_LIMITED: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.QUOTA: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.CREDENTIAL: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.MODEL_GONE: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.REGION: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.CONTEXT_LENGTH: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.CONTENT_FILTER: (Next.ROUTE_DECIDES, Result.NO_EVIDENCE),
    ErrorClass.CALLER_FAULT: (Next.STOP, Result.NO_EVIDENCE),
    ErrorClass.CANCELLED: (Next.STOP, Result.NO_EVIDENCE),
    ErrorClass.TIMEOUT_CONNECT: (Next.HOP, Result.FAILED),
    ErrorClass.TIMEOUT_FIRST_CONTENT: (Next.HOP, Result.FAILED),
    ErrorClass.STALL: (Next.HOP, Result.FAILED),
    ErrorClass.TIMEOUT_TOTAL: (Next.HOP, Result.FAILED),
    ErrorClass.TRUNCATED: (Next.HOP, Result.FAILED),
    ErrorClass.MALFORMED: (Next.HOP, Result.FAILED),
    ErrorClass.SCHEMA_INVALID: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.UNSUPPORTED: (Next.HOP, Result.NO_EVIDENCE),
    ErrorClass.UNKNOWN: (Next.HOP, Result.FAILED),
}


@pytest.mark.parametrize("error_class", ErrorClass)
def test_each_class_says_where_to_go_and_what_is_learnt(error_class: ErrorClass) -> None:
    goes, learns = TABLE[error_class]

    assert VERDICTS[error_class] == Verdict(goes, learns)


@pytest.mark.parametrize("falls_back", [False, True])
@pytest.mark.parametrize("error_class", ErrorClass)
def test_only_a_content_refusal_is_the_routes_to_decide(
    error_class: ErrorClass, falls_back: bool
) -> None:
    goes, _ = TABLE[error_class]
    expected = falls_back if goes is Next.ROUTE_DECIDES else goes is Next.HOP

    assert goes_on(error_class, content_filter_falls_back=falls_back) is expected
