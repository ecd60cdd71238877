"""Where a collector is: the URLs that people write for it."""

from urllib.parse import urlsplit

EXAMPLE = "http://localhost:4317"


def fault_of(url: str) -> str:
    """What is wrong with a collector's URL, as the end of "it …"; empty: nothing."""
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
    except ValueError:
        return "has a port or a host that is none"
    if parts.scheme not in ("http", "https") or not named or url != "".join(url.split()):
        return f"must be a URL such as {EXAMPLE}"
    if parts.username is not None:
        return "must not hold a user or a password: they belong into OTEL_EXPORTER_OTLP_HEADERS"
    return ""
