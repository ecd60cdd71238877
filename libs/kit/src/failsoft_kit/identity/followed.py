"""A file whose content is in use, and since when it is there."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.followed import CHECK_SECONDS, Followed

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
            read: See `Followed`.

        Raises:
            StartupError: what the file says now cannot be used.
        """
        self.path = path
        self._clock = clock
        self._followed = Followed(
            path, read=partial(read, path), complain=self._complain, timeless=True
        )
        self._changed_at = self._looked_at = self._current_at = clock.now()

    @property
    def changed_at(self) -> float:
        """Since when the content is there, on the clock given: when the file was put there, as far
        as its dates can be true, which is after the last look that saw the content before; of the
        first content, when it was read."""
        return self._changed_at

    def current(self) -> T:
        """The last good content."""
        now = self._clock.now()
        if now - self._looked_at >= CHECK_SECONDS:
            self._looked_at = now
            if self._followed.look():
                self._changed_at = now - min(self._age(), now - self._current_at)
                _log.info("identity.file_read", path=str(self.path))
            if self._followed.is_up_to_date:
                self._current_at = now
        return self._followed.content

    def _complain(self, problems: Sequence[str]) -> None:
        _log.warning("identity.file_kept", path=str(self.path), problems=problems)

    def _age(self) -> float:
        """For how many seconds the file has been there; 0.0 where its dates cannot be true."""
        try:
            put_there = self.path.stat().st_ctime
        except OSError:
            return 0.0
        return max(self._clock.unix() - put_there, 0.0)
