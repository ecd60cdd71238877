"""When a provider wants to be asked again, read from the headers of its refusal.

    who says it                          header                            value
    RFC 9110 §10.2.3                     Retry-After                       `20`, or an HTTP date
    OpenAI, Azure                        retry-after-ms                    `1500`
    OpenAI, Groq                         x-ratelimit-reset-requests,       `1s`, `6m0s`, `20ms`,
                                         x-ratelimit-reset-tokens          `2m59.56s`
    Azure, Cerebras, Together            the same, or without dimension    `20`, `33011.38`
    OpenRouter and many gateways         x-ratelimit-reset                 `1741305600`, or in ms
    Anthropic                            anthropic-ratelimit-*-reset       RFC 3339

Gateways in front of providers mix these, so each value is read in every form.
A number from a billion on is a date: in seconds, or in milliseconds from a trillion on.

Where headers contradict each other, the first of these that can be read wins:

1. `retry-after-ms`, then `Retry-After`: it is said to this very request.
2. The latest reset of the dimensions with `remaining` 0: each of them has to be refilled.
   Asked only about a refusal for too many requests: these headers come with every reply,
   and of a server error or an empty account they know nothing.
3. The latest reset of all, but at most `LONGEST_GUESS`. Nobody says which dimension
   refused (a long request is refused while a few tokens remain, too), and a reset is when
   the dimension is full again, which is later than when the next request fits in.

No hint is longer than `LONGEST_HINT_SECONDS`. What is negative, not finite or unreadable is
as if it were not there, and so is a reset that is over: the refusal came after it.

Only refusals are read. A reply that succeeds and says `remaining` 0 closes nothing: it is
proof that the provider answers, its reset is when the dimension is full rather than when
one more request fits in, and the refusal that may follow costs a caller milliseconds,
where a gate that is shut too early costs everybody the target.
"""

import datetime
import email.utils
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from failsoft_model.walk import ErrorClass
from failsoft_router.core.gate import LONGEST_HINT_SECONDS

LONGEST_GUESS = 60.0
"""Seconds; providers count by the minute, and where a day's count refuses they say so."""

_EPOCH_FROM = 1e9
"""A larger number is seconds since 1970, not seconds to wait."""
_EPOCH_MILLISECONDS_FROM = 1e12

_SECONDS_PER = {
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}
_STEP = re.compile(r"([0-9]+(?:\.[0-9]+)?)(d|h|ms|m|s|us|µs|ns)", re.ASCII)
_DURATION = re.compile(rf"(?:{_STEP.pattern})+", re.ASCII)

_COUNTER = re.compile(
    r"(?:x-)?ratelimit-(?P<what>remaining|reset)(?:-(?P<dimension>.+))?"
    r"|anthropic-ratelimit-(?P<their_dimension>.+)-(?P<their_what>remaining|reset)"
)


@dataclass(slots=True)
class _Dimension:
    """What the headers say of one thing that is counted, such as tokens.

    Attributes:
        exhausted: Nothing of it remains.
        reset: Seconds until it is full again; None: not said.
    """

    exhausted: bool = False
    reset: float | None = None


def wait_hint(headers: Mapping[str, str], error_class: ErrorClass, *, unix: float) -> float | None:
    """Seconds that the provider asks to wait.

    Args:
        headers: Of the refusal, names in lower case.
        error_class: What the refusal means.
        unix: Seconds since the epoch, for what is written as a date.

    Returns:
        At least 0, at most `LONGEST_HINT_SECONDS`; None: it does not say.
    """
    hint = _explicit(headers, unix=unix)
    if hint is None and error_class is ErrorClass.RATE_LIMITED:
        hint = _from_resets(list(_dimensions(headers, unix=unix)))
    return None if hint is None else min(hint, LONGEST_HINT_SECONDS)


def _explicit(headers: Mapping[str, str], *, unix: float) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    return _seconds(headers.get("retry-after", ""), unix=unix)


def _from_resets(dimensions: list[_Dimension]) -> float | None:
    exhausted = [each.reset for each in dimensions if each.exhausted and each.reset]
    if exhausted:
        return max(exhausted)
    guesses = [each.reset for each in dimensions if each.reset]
    return min(max(guesses), LONGEST_GUESS) if guesses else None


def _dimensions(headers: Mapping[str, str], *, unix: float) -> Iterator[_Dimension]:
    """One for each thing that the headers count."""
    found: dict[str, _Dimension] = {}
    for name, value in headers.items():
        match = _COUNTER.fullmatch(name)
        if match is None:
            continue
        dimension = found.setdefault(
            match["dimension"] or match["their_dimension"] or "", _Dimension()
        )
        if (match["what"] or match["their_what"]) == "reset":
            dimension.reset = _seconds(value, unix=unix)
        else:
            dimension.exhausted = _number(value) == 0.0
    yield from found.values()


def _seconds(text: str, *, unix: float) -> float | None:
    """Seconds from now, in whatever form they are written; 0 for a date that is over."""
    text = text.strip()
    number = _number(text)
    if number is None:
        return _duration(text) if _DURATION.fullmatch(text) else _until(_date(text), unix)
    if number >= _EPOCH_MILLISECONDS_FROM:
        return _until(number / 1000, unix)
    return _until(number, unix) if number >= _EPOCH_FROM else number


def _until(moment: float | None, unix: float) -> float | None:
    return None if moment is None else max(0.0, moment - unix)


def _number(text: str) -> float | None:
    """A finite number that is not negative, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0.0 <= number < math.inf else None


def _duration(text: str) -> float:
    return sum(float(count) * _SECONDS_PER[unit] for count, unit in _STEP.findall(text))


def _date(text: str) -> float | None:
    """Seconds since the epoch of an HTTP or RFC 3339 date; without a zone it is UTC."""
    for read in (datetime.datetime.fromisoformat, email.utils.parsedate_to_datetime):
        try:
            date = read(text)
            aware = date if date.tzinfo is not None else date.replace(tzinfo=datetime.UTC)
            return aware.timestamp()
        except (ValueError, OverflowError):
            continue
    return None
