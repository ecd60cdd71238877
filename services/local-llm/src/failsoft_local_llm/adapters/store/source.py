"""What every place that models come from can do."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from failsoft_local_llm.core.store.files import Listing


class Broken(Exception):
    """A transfer ended early, or did not begin; it is worth another try. Says why, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A file's content, from somewhere on."""

    start: int
    """Where it begins: where it was asked to, or 0."""
    pieces: AsyncIterator[bytes]
    """Raises Broken where the content ends early."""


class Source(Protocol):
    """A place that has the files of one set of weights."""

    @property
    def place(self) -> str:
        """Its name for people."""

    async def listing(self) -> Listing:
        """All its files. Raises NotStored, or Broken."""

    def stream(self, path: str, *, start: int) -> AbstractAsyncContextManager[Stream]:
        """The file's content from that byte on. Raises NotStored, or Broken."""
