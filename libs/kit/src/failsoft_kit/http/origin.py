"""Whether a browser asks for a page of this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_another_site(origin: str) -> bool:
    """Whether the header `Origin` names a site that is not on this machine.

    A browser sends it with every POST. A site may let its own name lead to 127.0.0.1 once its
    page is there (DNS rebinding); then the browser takes us for that site, and asks nobody.
    Any site may also send a body without a type, and have the browser say `null` for itself.
    An application's own scheme is no site of the web.
    """
    if origin == "null":
        return True
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return True
    return parts.scheme in ("http", "https") and not _is_own(host)


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
