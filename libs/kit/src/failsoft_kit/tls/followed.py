"""Files of TLS that are replaced while the process runs."""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.followed import CHECK_SECONDS, Followed
from failsoft_kit.tls.pem import Pem, TlsFiles, read_pem

_log: FilteringBoundLogger = structlog.get_logger()


class FollowedTls:
    """What the files say now, or said when they were last good.

    All files are read together, also behind Kubernetes' swap of a Secret, so that a certificate
    never goes with another one's key. Those that cannot be used change nothing, and a log line
    says why; they are in use as soon as they can be, as when the time of a certificate comes.
    """

    def __init__(self, files: TlsFiles) -> None:
        """
        Raises:
            StartupError: what the files say now cannot be used.
        """
        self._paths = [str(path) for path in files.paths]
        self._followed = Followed(
            *files.paths, read=partial(read_pem, files), complain=self._complain, timeless=False
        )

    @property
    def current(self) -> Pem:
        """The last good content; the same object until there is another. Safe in any thread."""
        return self._followed.content

    async def run(self) -> None:
        """Look at the files once a second, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await asyncio.to_thread(self.look)

    def look(self) -> bool:
        """Whether the files have changed and what they say is good, and in use from now on.

        Reading and trying takes some 10 ms, and as long as a slow disk: no work for an event loop.
        """
        is_new = self._followed.look()
        if is_new:
            _log.info("tls.files_read", paths=self._paths)
        return is_new

    def _complain(self, problems: Sequence[str]) -> None:
        _log.warning("tls.files_kept", paths=self._paths, problems=problems)
