"""Ports, taken and free."""

import os
import socket
from collections.abc import Iterator

import pytest

from failsoft_cli.addresses import LARGEST_OFFSET, LOOPBACK, Ports, free_ports, refuse_taken
from failsoft_kit.startup import StartupError


@pytest.fixture
def free_port_and_taken() -> Iterator[tuple[int, int]]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        (free,) = free_ports(1)
        yield free, listener.getsockname()[1]


@pytest.fixture
def offset() -> int:
    """For `--port-offset`: with it all ports are free."""
    start = os.getpid() % LARGEST_OFFSET
    for step in range(LARGEST_OFFSET):
        offset = (start + 7 * step) % LARGEST_OFFSET
        try:
            refuse_taken(Ports.shifted(offset), advice="")
        except StartupError:
            continue
        return offset
    raise AssertionError("all ports are in use")
