"""From Valkey's URL to a connection; the URL may hold a password and is never shown."""

from pathlib import Path

from redis.asyncio.connection import AbstractConnection, Connection, parse_url

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
