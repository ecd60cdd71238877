"""An address that cannot be had is refused with words that an operator can act on."""
# ruff: noqa: S104 - these bind to all interfaces in order to be refused

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.address import Address, parse_address
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.server import Service, running
from failsoft_kit.startup import StartupError
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, Echo, EchoStub
from failsoft_kit.testing.grpc import service_of

SETTING = "router.listen"


def listening_on(*addresses: str, token: ServiceToken | None = None) -> Service:
    service = service_of(Echo().register, access=OPEN_TO_TENANTS, token=token)
    (listener,) = service.listeners
    listeners = [replace(listener, address=address, setting=SETTING) for address in addresses]
    return replace(service, listeners=listeners)


async def refusal_of(service: Service) -> str:
    with pytest.raises(StartupError) as refused:
        async with running(service):
            pass
    return str(refused.value)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef" * 4)
    return ServiceToken.from_file(path)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:50050", Address(host="127.0.0.1", port=50050)),
        ("0.0.0.0:0", Address(host="0.0.0.0", port=0)),
        ("[::1]:65535", Address(host="::1", port=65535)),
        ("my-host.example:80", Address(host="my-host.example", port=80)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: Address) -> None:
    assert parse_address(text, setting=SETTING) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", ":50050", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:80", "a b:1"],
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(StartupError) as refused:
        parse_address(text, setting=SETTING)
    assert SETTING in str(refused.value)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("router.example", False),
    ],
)
def test_only_this_machine_reaches_loopback(host: str, loopback: bool) -> None:
    assert Address(host=host, port=1).loopback is loopback


@pytest.mark.integration
async def test_a_port_in_use_is_named_with_its_setting(taken: int) -> None:
    refusal = await refusal_of(listening_on(f"127.0.0.1:{taken}"))
    assert SETTING in refusal
    assert f"127.0.0.1:{taken}" in refusal
    assert "address already in use" in refusal


@pytest.mark.integration
async def test_two_listeners_cannot_share_a_port() -> None:
    """SO_REUSEPORT would let both bind, and every second call would go to the wrong one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert "address already in use" in await refusal_of(listening_on(address, address))


@pytest.mark.integration
async def test_an_address_of_another_machine_is_refused(token: ServiceToken) -> None:
    """192.0.2.0/24 is reserved for documentation, so it is nobody's."""
    refusal = await refusal_of(listening_on("192.0.2.1:0", token=token))
    assert "192.0.2.1:0" in refusal
    assert "cannot assign" in refusal


@pytest.mark.integration
async def test_a_port_that_others_reach_demands_a_token() -> None:
    refusal = await refusal_of(listening_on("0.0.0.0:0"))
    assert SETTING in refusal
    assert "service token" in refusal


@pytest.mark.integration
async def test_with_a_token_a_port_may_be_open_to_others(token: ServiceToken) -> None:
    async with (
        running(listening_on("[::]:0", token=token)) as ports,
        open_channel(f"127.0.0.1:{ports[0]}", token=token) as channel,
    ):
        reply = await EchoStub(channel).unary(StringValue(value="hello"))
    assert reply.value == "hello"
