"""Files of TLS that are replaced while the process runs."""

import asyncio
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.startup import StartupError
from failsoft_kit.tls.pem import Pem, TlsFiles, read_pem

CHECK_SECONDS = 1.0
"""Between two looks at the files."""

_log: FilteringBoundLogger = structlog.get_logger()


class FollowedTls:
    """What the files say now, or said when they were last good.

    All files are read together, also behind Kubernetes' swap of a Secret, so that a certificate
    never goes with another one's key. Those that cannot be used change nothing, and a log line
    says why.
    """

    def __init__(self, files: TlsFiles) -> None:
        """
        Raises:
            StartupError: what the files say now cannot be used.
        """
        self._files = files
        self._seen = self._signatures()
        self._pem = read_pem(files)

    @property
    def current(self) -> Pem:
        """The last good content; the same object until there is another. Safe in any thread."""
        return self._pem

    async def run(self) -> None:
        """Look at the files once a second, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.look()

    def look(self) -> bool:
        """Whether the files have changed and what they say is good, and in use from now on."""
        seen = self._signatures()
        if seen == self._seen:
            return False
        self._seen = seen
        paths = [str(path) for path in self._files.paths]
        try:
            pem = read_pem(self._files)
        except StartupError as error:
            _log.warning("tls.files_kept", paths=paths, problems=error.problems)
            return False
        if pem == self._pem:
            return False
        self._pem = pem
        _log.info("tls.files_read", paths=paths)
        return True

    def _signatures(self) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(_signature(path) for path in self._files.paths)


def _signature(path: Path) -> tuple[int, ...] | None:
    """What tells one state of a file from the next, who may read it included; None: there is no
    such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    readers = status.st_mode, status.st_uid, status.st_gid
    return status.st_ino, status.st_mtime_ns, status.st_size, *readers
