"""The file of API keys as its owner changes it: read, changed and replaced as a whole.

The router reads what is written here; see `failsoft_kit.identity`. Comments and the order of the
lines are left as they are.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from failsoft_kit.identity.key_file import MAX_BYTES
from failsoft_kit.identity.key_record import KeyRecord, read_records, written_lines
from failsoft_kit.startup import StartupError

_MODE = 0o600
_GROUP_READS = 0o040


class KeyStore:
    """A file of keys; one that is not there has none.

    Every method raises StartupError when the file cannot be used, or has mistakes: each of them.
    """

    def __init__(self, file: Path) -> None:
        """
        Args:
            file: May be a link, which stays one.
        """
        self._file = Path(os.path.realpath(file))

    def records(self) -> Mapping[str, KeyRecord]:
        """The keys by their ids, in the order of the file."""
        with self._usable():
            return read_records(self._content(), name=str(self._file))

    def add(self, record: KeyRecord) -> None:
        """Write a new key at the end."""
        with self._usable(), self._locked():
            content = self._content()
            read_records(content, name=str(self._file))
            if content and not content.endswith(b"\n"):
                content += b"\n"
            self._replace(content + record.to_line())

    def change(self, record: KeyRecord) -> None:
        """Write a key that is there as it is now."""
        with self._usable(), self._locked():
            content = self._content()
            lines = content.split(b"\n")
            for number, line in written_lines(content):
                if KeyRecord.model_validate_json(line).id == record.id:
                    lines[number - 1] = record.to_line().rstrip(b"\n")
            self._replace(b"\n".join(lines))

    def _content(self) -> bytes:
        try:
            with self._file.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return b""
        if len(content) > MAX_BYTES:
            raise StartupError(f"{self._file} is larger than 1 MiB, and no file of keys")
        return content

    def _replace(self, content: bytes) -> None:
        """Whoever reads meanwhile sees the old content or the new one, also after a crash.

        A router of the file's owner or its group reads the new one too: else it would go on with
        the old one, and with keys that were revoked.
        """
        if len(content) > MAX_BYTES:
            raise StartupError(f"{self._file} would be larger than 1 MiB: begin a new file")
        draft = self._beside(".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
        with os.fdopen(descriptor, "wb") as file:
            self._hand_over(descriptor)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        draft.replace(self._file)

    def _hand_over(self, draft: int) -> None:
        """Let those read the draft who may read the file, others aside."""
        try:
            now = self._file.stat()
        except FileNotFoundError:
            os.fchmod(draft, _MODE)
            return
        made = os.fstat(draft)
        if (made.st_uid, made.st_gid) != (now.st_uid, now.st_gid):
            os.fchown(draft, now.st_uid, now.st_gid)
        os.fchmod(draft, _MODE | now.st_mode & _GROUP_READS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the file inside the block; waits for others, who take no longer than this."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._beside(".lock"), os.O_RDWR | os.O_CREAT, _MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StartupError(
                f"the file of keys {self._file} cannot be used: {error.strerror}"
            ) from error

    def _beside(self, suffix: str) -> Path:
        return self._file.with_name(self._file.name + suffix)
