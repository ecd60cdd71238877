"""The last requests, as they came in: for tests of what a caller sends."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

_KEPT = 64


@dataclass(frozen=True, slots=True)
class Received:
    """One request; header names compare without regard to case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Inbox:
    """The last requests, oldest first; older ones than 64 are forgotten."""

    def __init__(self) -> None:
        self._requests: deque[Received] = deque(maxlen=_KEPT)

    def append(self, request: web.Request, body: bytes) -> None:
        """Keep a request whose body has been read."""
        self._requests.append(Received(request.path, request.headers, body))

    def clear(self) -> None:
        """Forget them all."""
        self._requests.clear()

    def __iter__(self) -> Iterator[Received]:
        return iter(self._requests)

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, index: int) -> Received:
        return self._requests[index]
