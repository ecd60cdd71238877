"""What a caller asks of Failsoft itself: in the body's field `failsoft`, or in headers.

    header                     field                   value
    x-failsoft-deadline        deadline                seconds, or `500ms`, `30s`, `2m`
    x-failsoft-cache-control   cache_control           RFC 9111's words: `no-cache, max-age=60`
    x-failsoft-allow-stale     allow_stale             true or false
    x-failsoft-allow-mock      allow_mock              true or false
    x-failsoft-criticality     criticality             critical_plus, critical, sheddable_plus,
                                                       sheddable

A field counts before a header.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from failsoft_model.chat import CacheControl, Criticality, Degradation
from failsoft_model.errors import FieldViolation
from failsoft_router.wire.openai_front.body import CacheControlBody, OptionsBody

Found = list[FieldViolation]

_HEADER = "x-failsoft-"
_DURATION = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,9})?)(?P<unit>ms|s|m|h)?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_LONGEST_DEADLINE = 86_400.0
_BOOLEANS = {"true": True, "false": False}
_CRITICALITIES = {each.value: each for each in Criticality}

_STALE = frozenset({Degradation.STALE_CACHE, Degradation.SIMILAR_CACHE})
_MOCK = frozenset({Degradation.MOCK})
_NONE_REFUSED: frozenset[Degradation] = frozenset()
_AS_ROUTED = CacheControl()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for; `deadline` in seconds from now, None: none of the caller's own."""

    deadline: float | None = None
    cache_control: CacheControl = _AS_ROUTED
    criticality: Criticality = Criticality.CRITICAL
    refused_degradations: frozenset[Degradation] = _NONE_REFUSED


_NO_OPTIONS = Options()
_NO_FIELDS = OptionsBody()


def decode_options(body: OptionsBody | None, headers: Mapping[str, str], found: Found) -> Options:
    """The options; `found` is told what is wrong with them, by field or by header."""
    given = {name: value for name, value in headers.items() if name.startswith(_HEADER)}
    if body is None and not given:
        return _NO_OPTIONS
    fields = _NO_FIELDS if body is None else body
    reader = _Reader(given, found)
    return Options(
        deadline=reader.deadline(fields.deadline),
        cache_control=reader.cache_control(fields.cache_control),
        criticality=reader.criticality(fields.criticality),
        refused_degradations=(
            (_NONE_REFUSED if reader.allows("allow_stale", fields.allow_stale) else _STALE)
            | (_NONE_REFUSED if reader.allows("allow_mock", fields.allow_mock) else _MOCK)
        ),
    )


class _Reader:
    """Takes each option from its field, else from its header."""

    def __init__(self, headers: Mapping[str, str], found: Found) -> None:
        self._headers = headers
        self._found = found

    def deadline(self, field: float | str | None) -> float | None:
        name, value = self._either("deadline", field)
        if value is None:
            return None
        seconds = _seconds(value)
        if not 0 < seconds <= _LONGEST_DEADLINE:
            self._wrong(name, "must be a time over 0, up to a day, such as 30s")
            return None
        return seconds

    def allows(self, option: str, field: bool | None) -> bool:  # noqa: FBT001 - a value
        """Whether the caller takes that kind of answer; without a word it does."""
        name, value = self._either(option, field)
        if isinstance(value, str):
            if value.lower() not in _BOOLEANS:
                self._wrong(name, "must be true or false")
            value = _BOOLEANS.get(value.lower())
        return value is None or bool(value)

    def criticality(self, field: str | None) -> Criticality:
        name, value = self._either("criticality", field)
        if value is None:
            return Criticality.CRITICAL
        known = _CRITICALITIES.get(str(value).lower())
        if known is None:
            self._wrong(name, f"must be one of {', '.join(_CRITICALITIES)}")
        return known or Criticality.CRITICAL

    def cache_control(self, field: CacheControlBody | None) -> CacheControl:
        if field is not None:
            return self._cache_control_of(field)
        header = f"{_HEADER}cache-control"
        words = self._headers.get(header)
        return _AS_ROUTED if words is None else self._cache_words(header, words)

    def _cache_control_of(self, field: CacheControlBody) -> CacheControl:
        max_age = None if field.max_age is None else _seconds(field.max_age)
        if max_age is not None and not math.isfinite(max_age):
            self._wrong("failsoft.cache_control.max_age", "must be a time, such as 60s")
            max_age = None
        return CacheControl(
            no_cache=bool(field.no_cache), no_store=bool(field.no_store), max_age=max_age
        )

    def _cache_words(self, header: str, words: str) -> CacheControl:
        no_cache = no_store = False
        max_age: float | None = None
        for word in words.lower().split(","):
            match word.strip().partition("="):
                case ("no-cache", "", ""):
                    no_cache = True
                case ("no-store", "", ""):
                    no_store = True
                case ("max-age", "=", age) if age.isascii() and age.isdecimal() and len(age) < 10:
                    max_age = float(age)
                case _:
                    self._wrong(header, "must be of no-cache, no-store and max-age=SECONDS")
        return CacheControl(no_cache=no_cache, no_store=no_store, max_age=max_age)

    def _either(self, option: str, field: float | str | None) -> tuple[str, float | str | None]:
        """Where an option was written, and what."""
        if field is not None:
            return f"failsoft.{option}", field
        header = _HEADER + option.replace("_", "-")
        return header, self._headers.get(header)

    def _wrong(self, name: str, description: str) -> None:
        self._found.append(FieldViolation(field=name, description=description))


def _seconds(value: float | str) -> float:
    """A time as seconds; NaN: it is none."""
    if isinstance(value, int | float):
        return float(value)
    match = _DURATION.fullmatch(value.strip())
    return float(match["number"]) * _SECONDS[match["unit"]] if match else math.nan
