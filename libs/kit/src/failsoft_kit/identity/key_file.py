"""The API keys that are known: a mounted file of their hashes, which is followed."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from failsoft_kit.clock import Clock, SystemClock
from failsoft_kit.identity.api_key import PREFIX, ApiKey
from failsoft_kit.identity.followed import FollowedFile
from failsoft_kit.identity.key_record import KeyRecord, read_records
from failsoft_kit.identity.principal import Principal
from failsoft_kit.startup import StartupError
from failsoft_model.errors import Unauthenticated

MAX_BYTES = 1024 * 1024
"""About 5000 keys, which are read in 0.1 s; a Secret holds no more either."""

_NO_KEY = "0" * 64
_REFUSED = "the API key is not known here: check that it is whole, or ask your operator for one"
_SYSTEM_CLOCK = SystemClock()


class ApiKeys:
    """The keys of a file, which may be replaced at any time; an `Authority`.

    A caller learns what is wrong with a key only by showing all of it: before that, a wrong
    secret and an id that nobody has are the same sentence after the same work.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._file = FollowedFile(path, read=read_key_file, clock=clock)
        self._clock = clock

    @classmethod
    def from_file(cls, path: Path, *, clock: Clock = _SYSTEM_CLOCK) -> Self:
        """The keys in that file.

        Raises:
            StartupError: with every mistake in the file.
        """
        return cls(path, clock=clock)

    @property
    def accepts(self) -> str:
        """See `Authority`."""
        return f"an API key ({PREFIX}…)"

    def judges(self, bearer: str) -> bool:
        """See `Authority`."""
        return bearer.startswith(PREFIX)

    def principal(self, bearer: str) -> Principal:
        """Whose key that is.

        Raises:
            Unauthenticated: it is no key, or its time is over, or it was revoked.
        """
        key = ApiKey.parse(bearer)
        record = None if key is None else self._file.current().get(key.id)
        kept = _NO_KEY if record is None else record.sha256
        shown = _NO_KEY[:-1] + "1" if key is None else key.digest
        if not hmac.compare_digest(kept, shown) or record is None:
            raise Unauthenticated(_REFUSED)
        _refuse_when_over(record, self._clock.unix())
        return record.principal

    def __repr__(self) -> str:
        return f"ApiKeys({str(self._file.path)!r})"


def read_key_file(path: Path) -> Mapping[str, KeyRecord]:
    """The keys in a file by their ids.

    Raises:
        StartupError: it cannot be read, or with every mistake in it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"the file of API keys {str(path)!r} cannot be read: {error.strerror}"
        raise StartupError(message) from error
    if len(content) > MAX_BYTES:
        raise StartupError(f"the file of API keys {str(path)!r} is larger than 1 MiB")
    return read_records(content, name=str(path))


def _refuse_when_over(record: KeyRecord, unix: float) -> None:
    """
    Raises:
        Unauthenticated: it was revoked, or its time is over.
    """
    if record.revoked is not None:
        raise Unauthenticated(
            f"the API key {record.id} was revoked on {_day(record.revoked)}: use another one"
        )
    if record.expires is not None and record.has_expired(unix):
        raise Unauthenticated(
            f"the API key {record.id} expired on {_day(record.expires)}: ask for a new one"
        )


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
