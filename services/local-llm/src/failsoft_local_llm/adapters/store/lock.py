"""One process at a time fills a folder of the store."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_one(directory: Path, name: str, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Waits until no other process fills the folder of that name, and keeps others out.

    The kernel lets go of the lock with the process, however that ends. Its file stays: who deletes
    it lets a third process in beside one that waits.

    Args:
        directory: The store; made if it is not there.
        on_wait: Called once, before a wait.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f".{name}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
