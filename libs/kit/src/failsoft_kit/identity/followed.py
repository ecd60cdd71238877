"""A file whose content is in use, also when it is replaced while the process runs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.startup import StartupError

CHECK_SECONDS = 1.0
"""Between two looks at a file, so that a change is in use without a restart."""

T = TypeVar("T")

_log: FilteringBoundLogger = structlog.get_logger()


class FollowedFile(Generic[T]):
    """What a file says now.

    The file is looked at again when its content is asked for and a second has passed since the
    last look. A file that goes bad later changes nothing: the last good content stays, and a log
    line says so.
    """

    def __init__(self, path: Path, *, read: Callable[[Path], T], clock: Clock) -> None:
        """
        Args:
            read: Gives what the file says, or raises StartupError, whose problems tell no secret.

        Raises:
            StartupError: what the file says now cannot be used.
        """
        self.path = path
        self._read = read
        self._clock = clock
        self._seen = _signature(_status(path))
        self._content = read(path)
        self._changed_at = self._looked_at = clock.now()

    @property
    def changed_at(self) -> float:
        """Since when the content is there, on the clock given: when the file was put there, as far
        as its dates can be true, which is between the last look and the one before; of the first
        content, when it was read."""
        return self._changed_at

    def current(self) -> T:
        """The last good content."""
        now = self._clock.now()
        if now - self._looked_at >= CHECK_SECONDS:
            last, self._looked_at = self._looked_at, now
            self._look(now, unseen_for=now - last)
        return self._content

    def _look(self, now: float, *, unseen_for: float) -> None:
        status = _status(self.path)
        seen = _signature(status)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._content = self._read(self.path)
        except StartupError as error:
            _log.warning("identity.file_kept", path=str(self.path), problems=error.problems)
        else:
            age = 0.0 if status is None else self._clock.unix() - status.st_ctime
            self._changed_at = now - min(max(age, 0.0), unseen_for)
            _log.info("identity.file_read", path=str(self.path))


def _status(path: Path) -> os.stat_result | None:
    """None: there is no such file."""
    try:
        return path.stat()
    except OSError:
        return None


def _signature(status: os.stat_result | None) -> tuple[int, ...] | None:
    """What tells one state of a file from the next, who may read it included."""
    if status is None:
        return None
    readers = status.st_mode, status.st_uid, status.st_gid
    return status.st_ino, status.st_mtime_ns, status.st_size, *readers
