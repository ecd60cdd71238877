"""The secret that our own services show each other."""

import asyncio
import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from failsoft_kit.clock import Clock, SystemClock
from failsoft_kit.followed import CHECK_SECONDS
from failsoft_kit.identity.followed import FollowedFile
from failsoft_kit.identity.rotation import Rotation
from failsoft_kit.startup import StartupError

_MIN_CHARACTERS = 32
_MOST_LINES = 8
_SYSTEM_CLOCK = SystemClock()


class ServiceToken:
    """The token, which follows its file: one that is replaced is exchanged without a restart, and
    without a call that is refused; see `failsoft_kit.identity.rotation`."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._file = FollowedFile(path, read=_read, clock=clock)
        self._rotation = Rotation(self._file.current())
        self._clock = clock

    @classmethod
    def from_file(cls, path: Path, *, clock: Clock = _SYSTEM_CLOCK) -> Self:
        """The token in that file: at least 32 printable ASCII characters in a line; white space
        around them is dropped. Further lines are tokens that are believed, and not shown.

        Raises:
            StartupError: the file cannot be read, or what it holds is no token.
        """
        return cls(path, clock=clock)

    def matches(self, presented: str) -> bool:
        """Whether that is a token; takes the same time however much of it is right."""
        shown = presented.encode("utf-8", "surrogatepass")
        believed = self._followed().believed(self._clock.now())
        return any(hmac.compare_digest(each.encode("ascii"), shown) for each in believed)

    def authorization(self) -> str:
        """What a call to one of our services carries as its `authorization` metadata."""
        return f"Bearer {self._followed().shown(self._clock.now())}"

    async def run(self) -> None:
        """Look at the file once a second, until cancelled.

        It is looked at for every call, too; but who had no call for a month, and two changes in it,
        would not know the token of that time, which the others go on showing for a while.
        """
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._followed()

    def _followed(self) -> Rotation:
        self._rotation.replace(self._file.current(), at=self._file.changed_at)
        return self._rotation

    def __repr__(self) -> str:
        return f"ServiceToken({str(self._file.path)!r})"


def _read(path: Path) -> Sequence[str]:
    try:
        lines = path.read_bytes().strip().splitlines()
    except OSError as error:
        message = f"the token in {str(path)!r} cannot be read: {error.strerror}"
        raise StartupError(message) from error
    tokens = [line.strip() for line in lines]
    if not 1 <= len(tokens) <= _MOST_LINES or not all(map(_is_token, tokens)):
        raise StartupError(
            f"the token in {str(path)!r} must be at least {_MIN_CHARACTERS} printable"
            " ASCII characters without spaces; `openssl rand -hex 32` makes one."
            f" There may be up to {_MOST_LINES}, a line each: the first one is shown"
        )
    return [token.decode("ascii") for token in tokens]


def _is_token(line: bytes) -> bool:
    return len(line) >= _MIN_CHARACTERS and all(0x21 <= byte <= 0x7E for byte in line)
