"""Asks the Valkey of this pod whether it is well.

    python ping.py SETTINGS_FILE PORT

It exits with 1 unless Valkey answers: the kernel takes connections for one that is frozen. The
password is in the settings, and so in no list of processes.
"""

import socket
import sys
from pathlib import Path

LIMIT = 3.0
"""Seconds for the connection, and for each answer."""


def main() -> int:
    """The exit status."""
    settings, port = sys.argv[1:]
    lines = (line.split(maxsplit=1) for line in Path(settings).read_text().splitlines())
    [password] = [words[1] for words in lines if words[:1] == ["requirepass"]]
    try:
        with socket.create_connection(("localhost", int(port)), timeout=LIMIT) as valkey:
            valkey.sendall(command("AUTH", password.strip('" ')) + command("PING"))
            answers = valkey.makefile("rb")
            well = answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
    except OSError:
        well = False
    return 0 if well else 1


def command(*words: str) -> bytes:
    """As Valkey takes it."""
    parts = [word.encode() for word in words]
    sized = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n" % len(parts) + sized


if __name__ == "__main__":
    sys.exit(main())
