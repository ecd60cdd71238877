"""Whether one connection reaches every key: those of a Valkey cluster are spread over shards."""

import re

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

_SHARDS = re.compile(rb"^cluster_size:(\d+)", re.MULTILINE)


class Sharded(RedisError):
    """Keys are spread over several shards, and nobody here follows redirections."""


async def refuse_shards(connection: AbstractConnection) -> None:
    """Ask who is connected to how many shards there are.

    A cluster of one shard has every key, and who runs none, or lets nobody ask, refuses the
    question: all of these are good.

    Raises:
        Sharded: There are several.
    """
    await connection.send_command("CLUSTER", "INFO")
    try:
        told: bytes = await connection.read_response(disconnect_on_error=False)
    except ResponseError:
        return
    found = _SHARDS.search(told)
    if found and int(found[1]) > 1:
        raise Sharded(
            f"Valkey is a cluster of {int(found[1])} shards, which is not supported:"
            " name a server that has every key"
        )
