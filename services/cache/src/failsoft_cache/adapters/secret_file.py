"""The file that the master secret is in."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_cache.core.key import MasterSecret
from failsoft_kit.startup import StartupError

_GENERATED_BYTES = 32

_log: FilteringBoundLogger = structlog.get_logger()


def read_secret(path: Path) -> MasterSecret:
    """The secret in a file: at least 32 bytes, white space around them dropped.

    Raises:
        StartupError: the file cannot be read, or what it holds is too short.
    """
    try:
        return MasterSecret(path.read_bytes().strip())
    except OSError as error:
        problem = f"the cache's secret {str(path)!r} cannot be read: {error.strerror}"
        raise StartupError(problem) from error
    except ValueError as error:
        raise StartupError(
            f"the cache's secret {str(path)!r} is no secret: {error};"
            " `openssl rand -hex 32` makes one"
        ) from error


def read_or_make_secret(path: Path) -> MasterSecret:
    """The same; where there is no such file, one is made that only its owner can read.

    Of several processes that make it at once, one wins and the others read the winner's.

    Raises:
        StartupError: as `read_secret`, or the file cannot be made.
    """
    if not path.exists():
        try:
            _make(path)
        except OSError as error:
            problem = f"the cache's secret {str(path)!r} cannot be made: {error.strerror}"
            raise StartupError(problem) from error
    return read_secret(path)


def _make(path: Path) -> None:
    """Written under another name first, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_GENERATED_BYTES) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
            _log.info("secret.made", file=str(path))
    finally:
        Path(draft).unlink()
