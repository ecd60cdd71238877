"""What the log gets when many calls end alike."""

import io
import json
from typing import Any

import aiohttp
import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from failsoft_kit.log_bound import LINES
from failsoft_kit.logs import Form, Level, LogSettings, configure
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, Echo, EchoStub
from failsoft_kit.testing.grpc import channel_to, service_of
from failsoft_kit.testing.http import http_port, http_service
from failsoft_model.errors import Overloaded

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_logs")]

CALLS = LINES + 40


def log_at(level: Level) -> io.StringIO:
    """Where the log goes from now on."""
    stream = io.StringIO()
    configure(
        LogSettings(level=level, form=Form.JSON),
        service="test",
        trace=lambda: None,
        request_id=lambda: None,
        stream=stream,
    )
    return stream


def written(stream: io.StringIO, prefix: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in lines if line["event"].startswith(prefix)]


async def logged(echo: Echo, *, level: Level) -> list[dict[str, Any]]:
    """What a service writes of calls while that many end in errors."""
    stream = log_at(level)
    async with channel_to(service_of(echo.register, access=OPEN_TO_TENANTS)) as channel:
        stub = EchoStub(channel)
        for _ in range(CALLS):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.unary(StringValue())
    return written(stream, "rpc.")


async def refuse(request: StringValue, context: object) -> StringValue:
    raise Overloaded("full")


async def crash(request: StringValue, context: object) -> StringValue:
    raise RuntimeError


async def test_an_overload_does_not_flood_the_log() -> None:
    lines = await logged(Echo(unary=refuse), level=Level.INFO)
    assert [line["code"] for line in lines] == ["RESOURCE_EXHAUSTED"] * LINES


async def test_who_looks_for_a_fault_gets_every_call() -> None:
    assert len(await logged(Echo(unary=refuse), level=Level.DEBUG)) == CALLS


async def test_no_mistake_of_ours_is_left_out() -> None:
    assert len(await logged(Echo(unary=crash), level=Level.INFO)) == CALLS


async def test_nor_do_many_http_requests() -> None:
    stream = log_at(Level.INFO)
    async with (
        http_port(http_service([])) as port,
        aiohttp.ClientSession(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        for _ in range(CALLS):
            async with client.get("/nothing") as reply:
                assert reply.status == 404

    assert [line["status"] for line in written(stream, "http.")] == [404] * LINES
