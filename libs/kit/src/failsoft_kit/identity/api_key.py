"""What an API key is: `fs_<id>_<secret>`.

The id is public: it finds the key's record in one step, and lists and logs may show it.
The secret is 256 random bits, so there is nothing to guess, and the plain SHA-256 of it that is
kept gives nothing away: a slow hash protects passwords, which people choose among few, and would
only cost each call its time.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Self

PREFIX = "fs_"
ID_PATTERN = "[a-z2-7]{16}"

_FORM = re.compile(rf"{PREFIX}({ID_PATTERN})_[A-Za-z0-9_-]{{43}}")
_ID_BYTES = 10
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ApiKey:
    """A key in full, as its owner has it."""

    id: str
    text: str

    @classmethod
    def new(cls) -> Self:
        """One that nobody has seen."""
        name = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode("ascii").lower()
        text = f"{PREFIX}{name}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        return cls(id=name, text=text)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that somebody shows; None: that is none."""
        found = _FORM.fullmatch(text)
        return None if found is None else cls(id=found[1], text=text)

    @property
    def digest(self) -> str:
        """What is kept of it: SHA-256 of the whole text, in hexadecimal digits."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()

    def __repr__(self) -> str:
        return f"ApiKey({self.id!r})"
