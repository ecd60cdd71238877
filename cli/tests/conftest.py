"""What several tests of the command need."""

import socket
from collections.abc import Iterator

import pytest

from failsoft_cli.addresses import LOOPBACK, free_ports


@pytest.fixture
def free_port_and_taken() -> Iterator[tuple[int, int]]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        (free,) = free_ports(1)
        yield free, listener.getsockname()[1]
