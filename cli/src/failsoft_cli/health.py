"""Asking a router's HTTP port how everything is."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from failsoft_cli.addresses import Ports, on_loopback
from failsoft_cli.program import spelling
from failsoft_kit.identity import ServiceToken

Health = Mapping[str, Any]
"""What docs/health.schema.json describes; a later version may have more."""

_SECONDS = 10.0
"""The router waits a second for its neighbours."""
_MOST_BYTES = 8 * 1024 * 1024
_REFUSED = (401, 403)


class HealthUnknown(Exception):
    """The router did not tell; the message says why, for people."""


def health_of(address: str, *, token: ServiceToken | None) -> Health:
    """How everything is.

    Args:
        address: `host:port` of the router's HTTP port.
        token: Shown; None: none is.

    Raises:
        HealthUnknown: It was not told.
    """
    where = urlsplit(f"//{address}")
    shown = {} if token is None else {"authorization": token.authorization()}
    try:
        connection = HTTPConnection(where.hostname or "", where.port, timeout=_SECONDS)
        try:
            connection.request("GET", "/health", headers=shown)
            return _told(connection.getresponse(), address)
        finally:
            connection.close()
    except TimeoutError:
        raise HealthUnknown(
            f"{address} does not answer in time: its log says what it does"
        ) from None
    except (HTTPException, ValueError):
        raise HealthUnknown(_another(address)) from None
    except OSError:
        raise HealthUnknown(
            f"{address} cannot be reached: start Failsoft with `{spelling()} up`, and a router of"
            " your own with `router.http_address`"
        ) from None


def _told(reply: HTTPResponse, address: str) -> Health:
    """What a reply says.

    Raises:
        HealthUnknown: It is not what was asked for.
        ValueError: It is no JSON.
    """
    if reply.status in _REFUSED:
        raise HealthUnknown(f"{address} does not tell strangers: show its service token by --data")
    document = json.loads(reply.read(_MOST_BYTES)) if reply.status == 200 else None
    if not isinstance(document, dict) or "walks" not in document:
        raise HealthUnknown(_another(address))
    return document


def _another(address: str) -> str:
    usual = on_loopback(Ports().http)
    return f"{address} is not the HTTP port of a router of this version, which is usually {usual}"
