"""Files whose content is in use, also when they are replaced while the process runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from failsoft_kit.startup import StartupError

CHECK_SECONDS = 1.0
"""Between two looks at files, so that a change is in use without a restart."""

T = TypeVar("T")

_Signatures = Sequence[tuple[int, ...] | None]


class Followed(Generic[T]):
    """What files say now, or said when they were last good.

    Files that have changed are read at the next look. When that is of no use the last good content
    stays, and they are read again at every look until they are good: what was wrong may pass and
    leave no trace in a file, such as a process that was out of file descriptors. Only a refusal of
    what they say is final where nothing but that decides (`timeless`).

    One look at a time; `content` may be asked for in any thread.
    """

    def __init__(
        self,
        *paths: Path,
        read: Callable[[], T],
        complain: Callable[[Sequence[str]], None],
        timeless: bool,
    ) -> None:
        """
        Args:
            read: Gives what the files say, or raises StartupError, whose problems tell no secret;
                its cause is an OSError where a file could not be read.
            complain: Told why the last good content stays, once and not at every look.
            timeless: Whether the same files are always as good as they were.

        Raises:
            StartupError: what the files say now cannot be used.
        """
        self._paths = paths
        self._read = read
        self._complain = complain
        self._timeless = timeless
        self._problems: Sequence[str] = ()
        self._refused: _Signatures | None = None
        self._good = self._signatures()
        self._content = read()

    @property
    def content(self) -> T:
        """The last good one; the same object until there is another."""
        return self._content

    @property
    def is_up_to_date(self) -> bool:
        """Whether the files said that, too, at the last look."""
        return not self._problems

    def look(self) -> bool:
        """Whether there is another good content, which is in use from now on."""
        seen = self._signatures()
        if seen == self._good:
            self._problems = ()
        if seen in (self._good, self._refused):
            return False
        try:
            content = self._read()
        except StartupError as error:
            if self._timeless and not isinstance(error.__cause__, OSError):
                self._refused = seen
            if error.problems != self._problems:
                self._problems = error.problems
                self._complain(error.problems)
            return False
        self._good, self._refused, self._problems = seen, None, ()
        if content == self._content:
            return False
        self._content = content
        return True

    def _signatures(self) -> _Signatures:
        return [_signature(path) for path in self._paths]


def _signature(path: Path) -> tuple[int, ...] | None:
    """What tells one state of a file from the next, who may read it included; None: there is no
    such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    readers = status.st_mode, status.st_uid, status.st_gid
    return status.st_ino, status.st_mtime_ns, status.st_size, *readers
