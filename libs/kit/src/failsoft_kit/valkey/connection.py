"""From Valkey's URL to a connection; the URL may hold a password and is never shown."""

from collections.abc import Callable
from pathlib import Path

from redis.asyncio.connection import AbstractConnection, Connection, parse_url

from failsoft_kit.startup import StartupError

Connect = Callable[[], AbstractConnection]
"""Makes a connection that is not connected yet; may raise OSError or ValueError."""

_SCHEMES = {"valkey": "redis", "valkeys": "rediss"}
_RULE = (
    "must be a URL such as valkey://user:password@host:6379/0;"
    " valkeys:// is TLS, redis://, rediss:// and unix:// are understood too"
)


def connection_to(url: str) -> AbstractConnection:
    """A connection that is not connected yet, without any limits or retries of its own.

    Raises:
        ValueError: it is no such URL; the message doesn't quote it.
    """
    scheme, colon, rest = url.partition(":")
    try:
        options = dict(parse_url(_SCHEMES.get(scheme, scheme) + colon + rest))
        make = options.pop("connection_class", Connection)
        options |= {
            "protocol": 2,
            "driver_info": None,
            "socket_timeout": None,
            "socket_connect_timeout": None,
        }
        connection: AbstractConnection = make(**options)  # type: ignore[operator] # a class
    except (TypeError, ValueError):
        raise ValueError(_RULE) from None
    return connection


def connection_to_url_in(file: Path) -> AbstractConnection:
    """The same for the URL in a file, read each time: a changed password needs no restart.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no such URL.
    """
    return connection_to(file.read_text(encoding="utf-8").strip())


def connecting(*, url: str, file: Path | None, setting: str) -> Connect | None:
    """How connections are made; tried once, so that a wrong URL ends the start.

    Args:
        url: Empty: it is in the file, if anywhere.
        file: Holds the URL, and is read again for each connection.
        setting: Name of the setting that has the URL; the file's is this and `_file`.

    Returns:
        None: neither is set, and there is no Valkey.

    Raises:
        StartupError: Both are set, the file cannot be read, or it is no such URL.
    """
    if file is not None and url:
        raise StartupError(f"set {setting} or {setting}_file, not both")
    try:
        if file is not None:
            connection_to_url_in(file)
            return lambda: connection_to_url_in(file)
        if url:
            connection_to(url)
            return lambda: connection_to(url)
    except OSError as error:
        problem = f"{setting}_file: {str(file)!r} cannot be read: {error.strerror}"
        raise StartupError(problem) from error
    except ValueError as error:
        raise StartupError(f"{setting if file is None else f'{setting}_file'}: {error}") from error
    return None
