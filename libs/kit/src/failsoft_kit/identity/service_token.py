"""The secret that our own services show each other."""

import hmac
from pathlib import Path
from typing import Self

from failsoft_kit.clock import Clock, SystemClock
from failsoft_kit.identity.followed import FollowedFile
from failsoft_kit.startup import StartupError

_MIN_CHARACTERS = 32
_SYSTEM_CLOCK = SystemClock()


class ServiceToken:
    """The token, which follows its file: a replaced one is in use everywhere without a restart."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._file = FollowedFile(path, read=_read, clock=clock)

    @classmethod
    def from_file(cls, path: Path, *, clock: Clock = _SYSTEM_CLOCK) -> Self:
        """The token in that file: at least 32 printable ASCII characters; white space around
        them is dropped.

        Raises:
            StartupError: the file cannot be read, or what it holds is no token.
        """
        return cls(path, clock=clock)

    def matches(self, presented: str) -> bool:
        """Whether that is the token; takes the same time however much of it is right."""
        return hmac.compare_digest(
            self._file.current().encode("ascii"), presented.encode("utf-8", "surrogatepass")
        )

    def authorization(self) -> str:
        """What a call to one of our services carries as its `authorization` metadata."""
        return f"Bearer {self._file.current()}"

    def __repr__(self) -> str:
        return f"ServiceToken({str(self._file.path)!r})"


def _read(path: Path) -> str:
    try:
        value = path.read_bytes().strip()
    except OSError as error:
        message = f"the token in {str(path)!r} cannot be read: {error.strerror}"
        raise StartupError(message) from error
    if len(value) < _MIN_CHARACTERS or not all(0x21 <= byte <= 0x7E for byte in value):
        raise StartupError(
            f"the token in {str(path)!r} must be at least {_MIN_CHARACTERS} printable"
            " ASCII characters without spaces; `openssl rand -hex 32` makes one"
        )
    return value.decode("ascii")
