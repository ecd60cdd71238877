"""Who may vouch for a target: a file of certificates in a private network."""

import ssl
from pathlib import Path

from failsoft_kit.settings import SettingsError

LARGEST_FILE = 1024 * 1024
"""Bytes; the bundle of all public authorities has a quarter of that."""


class NoCertificates(SettingsError):
    """A file of certificates cannot be used.

    Attributes:
        problem: The rest of a sentence that begins with the file.
    """

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"{file} {problem}")
        self.problem = problem


def read_certificates(file: Path) -> str:
    """The file's content, which holds at least one certificate in PEM.

    Raises:
        NoCertificates: It does not, or cannot be read.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise NoCertificates(file, f"cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_FILE:
        raise NoCertificates(file, "is larger than 1 MiB")
    try:
        text = content.decode("ascii")
        trusting(text)
    except (ValueError, ssl.SSLError):
        raise NoCertificates(
            file, "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----"
        ) from None
    return text


def trusting(certificates: str) -> ssl.SSLContext:
    """Trusts whom these certificates vouch for, and nobody else.

    Raises:
        ssl.SSLError, ValueError: They are none.
    """
    return ssl.create_default_context(cadata=certificates)
