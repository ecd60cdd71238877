"""Examples of the formats that strings may have."""

from collections.abc import Callable, Mapping

from failsoft_router.core.mock.draws import Draws


def _date(draws: Draws) -> str:
    return f"20{draws.below(100):02}-{draws.below(12) + 1:02}-{draws.below(28) + 1:02}"


def _time(draws: Draws) -> str:
    return f"{draws.below(24):02}:{draws.below(60):02}:{draws.below(60):02}Z"


def _uuid(draws: Draws) -> str:
    """One of version 4, variant 1."""
    first, last = (f"{draws.below(16**12):012x}" for _ in range(2))
    return f"{first[:8]}-{first[8:]}-4{draws.below(16**3):03x}-8{draws.below(16**3):03x}-{last}"


def _number(draws: Draws) -> int:
    return 1000 + draws.below(9000)


def _uri(draws: Draws) -> str:
    return f"https://example.com/mock/{_number(draws)}"


def _email(draws: Draws) -> str:
    return f"mock-{_number(draws)}@example.com"


def _hostname(draws: Draws) -> str:
    return f"mock-{_number(draws)}.example.com"


EXAMPLES: Mapping[str, Callable[[Draws], str]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda draws: f"{_date(draws)}T{_time(draws)}",
    "duration": lambda draws: f"PT{_number(draws)}S",
    "email": _email,
    "idn-email": _email,
    "hostname": _hostname,
    "idn-hostname": _hostname,
    "uri": _uri,
    "uri-reference": _uri,
    "iri": _uri,
    "iri-reference": _uri,
    "uuid": _uuid,
    "ipv4": lambda draws: f"192.0.2.{1 + draws.below(254)}",
    "ipv6": lambda draws: f"2001:db8::{_number(draws)}",
    "json-pointer": lambda draws: f"/mock/{_number(draws)}",
    "regex": lambda draws: f"mock{_number(draws)}",
    "uri-template": lambda draws: f"mock{_number(draws)}",
}
"""What makes an example, by the name of the format; any string may have another format."""
