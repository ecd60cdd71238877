"""Where targets' keys come from: files that are re-read, and variables of the environment."""

from collections.abc import Mapping
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.identity import ServiceToken
from failsoft_router.core.policy import CredentialSource
from failsoft_router.ports import Credential

LOOK_AGAIN = 1.0
"""Seconds between two looks at a file, so that a rotated key is used without a restart."""

_MAX_BYTES = 16 * 1024

_log: FilteringBoundLogger = structlog.get_logger()


class FileCredential:
    """A key in a file of its own, re-read when the file changes."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._looked_at = float("-inf")
        self._seen: tuple[int, int, int] | None = None
        self._value: str | None = None

    def __repr__(self) -> str:
        return f"FileCredential({self._path})"

    def value(self) -> str | None:
        """The key, or None while the file is missing, empty, unreadable or holds no key."""
        now = self._clock.now()
        if now - self._looked_at >= LOOK_AGAIN:
            self._looked_at = now
            self._look()
        return self._value

    def _look(self) -> None:
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._seen:
                with self._path.open("rb") as file:
                    self._value = _key(file.read(_MAX_BYTES), source=str(self._path))
                self._seen = seen
        except (OSError, ValueError):  # a path with a zero byte is none
            self._seen = None
            self._value = None


class EnvCredential:
    """A key in a variable of the environment, read once."""

    def __init__(self, variable: str, environ: Mapping[str, str]) -> None:
        self._variable = variable
        text = environ.get(variable, "")
        self._value = _key(text.encode("utf-8", "surrogateescape"), source=variable)

    def __repr__(self) -> str:
        return f"EnvCredential({self._variable})"

    def value(self) -> str | None:
        """The key, or None where the variable is not set or holds no key."""
        return self._value


class FirstOf:
    """The first of several sources that has a key."""

    def __init__(self, *sources: Credential) -> None:
        self._sources = sources

    def value(self) -> str | None:
        """The key, or None where no source has one."""
        return next((value for source in self._sources if (value := source.value())), None)


class ShownToken:
    """The service token, which targets of our own are shown where they have no key of theirs."""

    def __init__(self, token: ServiceToken) -> None:
        self._token = token

    def value(self) -> str | None:
        """What a call carries now; it follows the token's file."""
        return self._token.authorization()


def credential(source: CredentialSource, *, clock: Clock, environ: Mapping[str, str]) -> Credential:
    """What the policy names: its file first, then its variable."""
    sources: list[Credential] = []
    if source.file:
        sources.append(FileCredential(Path(source.file), clock=clock))
    if source.env:
        sources.append(EnvCredential(source.env, environ))
    return sources[0] if len(sources) == 1 else FirstOf(*sources)


def _key(content: bytes, *, source: str) -> str | None:
    """The key without the space around it; None, and logged, for what no header can carry."""
    key = content.strip()
    if all(0x21 <= byte <= 0x7E for byte in key):
        return key.decode("ascii") or None
    _log.warning(
        "credential.unusable",
        source=source,
        problem="a key is printable ASCII without spaces; this counts as none",
    )
    return None
