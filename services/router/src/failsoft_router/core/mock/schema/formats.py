"""Examples of the formats that strings may have."""

from failsoft_router.core.mock.draws import Draws


def example(name: str, draws: Draws) -> str | None:
    """A string of the format; None: the format is not known, any string may do."""
    number = draws.below(9000) + 1000
    match name:
        case "date":
            return _date(draws)
        case "time":
            return _time(draws)
        case "date-time":
            return f"{_date(draws)}T{_time(draws)}"
        case "duration":
            return f"PT{number}S"
        case "email" | "idn-email":
            return f"mock-{number}@example.com"
        case "hostname" | "idn-hostname":
            return f"mock-{number}.example.com"
        case "uri" | "iri" | "uri-reference" | "iri-reference" | "url":
            return f"https://example.com/mock/{number}"
        case "uuid":
            return _uuid(draws)
        case "ipv4":
            return f"192.0.2.{number % 254 + 1}"
        case "ipv6":
            return f"2001:db8::{number}"
        case "json-pointer":
            return f"/mock/{number}"
        case "regex" | "uri-template":
            return f"mock{number}"
        case _:
            return None


def _date(draws: Draws) -> str:
    return f"20{draws.below(100):02}-{draws.below(12) + 1:02}-{draws.below(28) + 1:02}"


def _time(draws: Draws) -> str:
    return f"{draws.below(24):02}:{draws.below(60):02}:{draws.below(60):02}Z"


def _uuid(draws: Draws) -> str:
    """One of version 4, variant 1."""
    first, last = (f"{draws.below(16**12):012x}" for _ in range(2))
    return f"{first[:8]}-{first[8:]}-4{draws.below(16**3):03x}-8{draws.below(16**3):03x}-{last}"
