"""Certificates of those who vouch for others, tried before they are used."""

import ssl
from collections.abc import Mapping
from pathlib import Path

from failsoft_kit.clock import SystemClock
from failsoft_kit.startup import StartupError

_CLOCK = SystemClock()
"""OpenSSL asks the machine, too."""


def trust(context: ssl.SSLContext, path: Path, certificates: bytes) -> None:
    """Have it trust whom these vouch for.

    Raises:
        StartupError: they are none.
    """
    try:
        # Between certificates there may be words in any language; within one, they spoil it.
        context.load_verify_locations(cadata=certificates.decode("ascii", "backslashreplace"))
    except (ValueError, ssl.SSLError):
        raise StartupError(
            f"{str(path)!r} holds no certificate in PEM, which begins with"
            " -----BEGIN CERTIFICATE-----"
        ) from None


def try_authorities(path: Path, certificates: bytes) -> None:
    """Check that somebody can be trusted by these now.

    Raises:
        StartupError: they are none, or the time of each of them is over or has not come.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust(context, path, certificates)
    # Of a certificate that is no authority's, and vouches for itself, there are no dates here.
    counted, authorities = context.cert_store_stats(), context.get_ca_certs()
    if counted["x509"] == counted["x509_ca"] and not any(map(_is_good_now, authorities)):
        raise StartupError(f"no certificate in {str(path)!r} is good now: look at their dates")


def _is_good_now(certificate: Mapping[str, object]) -> bool:
    dates = (str(certificate[key]) for key in ("notBefore", "notAfter"))
    begins, ends = map(ssl.cert_time_to_seconds, dates)
    return begins <= _CLOCK.unix() <= ends
