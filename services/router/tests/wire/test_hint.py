"""A provider's hint is read in every form there is; what cannot be meant is not believed."""

import email.utils
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsoft_model.walk import ErrorClass
from failsoft_router.core.gate import LONGEST_HINT_SECONDS
from failsoft_router.wire.hint import LONGEST_GUESS, wait_hint

UNIX = 1_800_000_000.0
RATE_LIMITED = ErrorClass.RATE_LIMITED

Headers = dict[str, str]


def http_date(unix: float) -> str:
    return email.utils.formatdate(unix, usegmt=True)


def exhausted(reset: str) -> Headers:
    """A refusal whose only counter is used up."""
    return {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}


EXPLICIT: list[tuple[Headers, float | None]] = [
    ({}, None),
    ({"retry-after": "20"}, 20.0),
    ({"retry-after": "0"}, 0.0),
    ({"retry-after": " 1.5 "}, 1.5),
    ({"retry-after": "20s"}, 20.0),
    ({"retry-after": http_date(UNIX + 30)}, 30.0),
    ({"retry-after": email.utils.formatdate(UNIX + 30)}, 30.0),
    ({"retry-after": "2027-01-15T08:00:30Z"}, 30.0),
    ({"retry-after": "1800000030"}, 30.0),
    ({"retry-after-ms": "250"}, 0.25),
    # Over, negative, huge, garbage.
    ({"retry-after": http_date(UNIX - 30)}, 0.0),
    ({"retry-after": "1799999970"}, 0.0),
    ({"retry-after": "-5"}, None),
    ({"retry-after-ms": "-1"}, None),
    ({"retry-after": "86400"}, LONGEST_HINT_SECONDS),
    ({"retry-after": http_date(UNIX + 1e6)}, LONGEST_HINT_SECONDS),
    ({"retry-after": "99999999999999999999"}, LONGEST_HINT_SECONDS),
    ({"retry-after-ms": "9e9"}, LONGEST_HINT_SECONDS),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "inf"}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": ""}, None),
    ({"retry-after": "Mon, 99 Foo 2026 00:00:00 GMT"}, None),
    # Two that contradict each other.
    ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
    ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
    ({"retry-after-ms": "-1", "retry-after": "1"}, 1.0),
]

RESETS: list[tuple[Headers, float | None]] = [
    # OpenAI, Groq.
    (exhausted("1s"), 1.0),
    (exhausted("20ms"), 0.02),
    (exhausted("6m0s"), 360.0),
    (exhausted("2m59.56s"), 179.56),
    (exhausted("1h2m3s"), LONGEST_HINT_SECONDS),
    (exhausted("350µs"), 0.00035),
    # Azure, Cerebras, Together.
    (exhausted("20"), 20.0),
    (
        {"x-ratelimit-remaining-tokens-minute": "0", "x-ratelimit-reset-tokens-minute": "11.38"},
        11.38,
    ),
    ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"}, 7.0),
    ({"ratelimit-remaining": "0", "ratelimit-reset": "7"}, 7.0),
    # Moments.
    (exhausted("1800000020"), 20.0),
    (exhausted("1800000020000"), 20.0),
    (exhausted("2027-01-15T08:00:20Z"), 20.0),
    (
        {
            "anthropic-ratelimit-input-tokens-remaining": "0",
            "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:00:20Z",
        },
        20.0,
    ),
    # Over, negative, huge, garbage.
    (exhausted("0"), None),
    (exhausted("0s"), None),
    (exhausted("1799999980"), None),
    (exhausted("2027-01-15T07:00:00Z"), None),
    (exhausted("-1s"), None),
    (exhausted("-20"), None),
    (exhausted("720h0m0s"), LONGEST_HINT_SECONDS),
    (exhausted("9" * 400 + "s"), LONGEST_HINT_SECONDS),
    (exhausted("soon"), None),
    (exhausted("6m0"), None),
    (exhausted("s"), None),
    (exhausted(""), None),
    # What is said to this request says more than what is counted for all of them.
    ({"retry-after": "2", **exhausted("6m0s")}, 2.0),
    ({"retry-after": "0", **exhausted("6m0s")}, 0.0),
    ({"retry-after": "soon", **exhausted("6m0s")}, 360.0),
    # The one that is used up, however long the others take.
    (
        {
            **exhausted("1s"),
            "x-ratelimit-remaining-tokens": "9000",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        1.0,
    ),
    # All that are used up have to be refilled.
    (
        {
            **exhausted("1s"),
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        360.0,
    ),
    # Nobody says which one refused: the later, but no day's count.
    (
        {
            "x-ratelimit-remaining-requests": "499",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-remaining-tokens": "2000",
            "x-ratelimit-reset-tokens": "28s",
        },
        28.0,
    ),
    ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "2s"}, 2.0),
    (
        {
            "x-ratelimit-remaining-requests-day": "14399",
            "x-ratelimit-reset-requests-day": "33011.38",
        },
        LONGEST_GUESS,
    ),
    # -1 is Azure's word for "not counted".
    ({"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"}, None),
    ({"x-ratelimit-remaining-requests": "0"}, None),
    ({"x-ratelimit-limit-requests": "60", "x-ratelimit-resets": "9"}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), [*EXPLICIT, *RESETS])
def test_a_hint_is_read_in_every_form_and_garbage_is_none(
    headers: Headers, seconds: float | None
) -> None:
    assert wait_hint(headers, RATE_LIMITED, unix=UNIX) == pytest.approx(seconds)


@pytest.mark.parametrize(("headers", "seconds"), EXPLICIT)
def test_whoever_refuses_may_say_for_how_long(headers: Headers, seconds: float | None) -> None:
    """A server that is being deployed does."""
    assert wait_hint(headers, ErrorClass.TRANSIENT, unix=UNIX) == pytest.approx(seconds)


@pytest.mark.parametrize("error_class", [ErrorClass.TRANSIENT, ErrorClass.QUOTA])
def test_what_is_counted_says_nothing_about_another_kind_of_refusal(
    error_class: ErrorClass,
) -> None:
    """OpenAI sends its counters with a 500 and with an empty account, too."""
    assert wait_hint(exhausted("20s"), error_class, unix=UNIX) is None


NAMES = st.sampled_from(
    [
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-reset",
        "anthropic-ratelimit-tokens-reset",
    ]
)
VALUES = st.one_of(
    st.text(),
    st.text(alphabet="0123456789.-+:TZhmsdµ ,GMTJan"),
    st.floats().map(str),
    st.integers().map(str),
    st.datetimes().map(str),
)


@settings(deadline=None)
@given(headers=st.dictionaries(NAMES, VALUES), unix=st.floats(0.0, 4e9))
def test_no_header_whatever_breaks_anything_or_closes_a_gate_for_ever(
    headers: Headers, unix: float
) -> None:
    hint = wait_hint(headers, RATE_LIMITED, unix=unix)

    assert hint is None or 0.0 <= hint <= LONGEST_HINT_SECONDS


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is not UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize("date", ["Fri, 15 Jan 2027 08:00:30 -0000", "2027-01-15T08:00:30"])
def test_a_date_without_a_place_is_utc_wherever_we_are(date: str) -> None:
    """Read as local time, it was nine hours ago in Tokyo: no wait at all."""
    assert wait_hint({"retry-after": date}, RATE_LIMITED, unix=UNIX) == 30.0
