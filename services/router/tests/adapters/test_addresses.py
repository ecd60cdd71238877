"""What is ours and what is not is told from the address alone, however it is written."""

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from failsoft_router.adapters.addresses import host_of, in_own_network, is_private, leads_to
from failsoft_router.adapters.resolver import AddressRefused, PublicOnly

PRIVATE = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.LocalHost.",
    "127.0.0.1",
    "127.0.0.1.",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "224.0.0.251",
    "255.255.255.255",
    "::",
    "::1",
    "fd00::1",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2002:a00:1::",
    "127.1",
    "2130706433",
]

PUBLIC = [
    "8.8.8.8",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::",
    "api.example.com",
    "localhost.example.com",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_what_the_internet_cannot_reach_is_private(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_what_the_internet_can_reach_is_not(host: str) -> None:
    assert not is_private(host)


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1:50051",
        "[::1]:50051",
        "localhost:50051",
        "10.0.0.7:50051",
        "failsoft-local-llm:50051",
        "dns:///failsoft-local-llm:50051",
        "dns://10.96.0.10/failsoft-local-llm:50051",
        "dns:///local-llm.failsoft.svc:50051",
        "dns:///local-llm.failsoft.svc.cluster.local.:50051",
        "ipv4:10.0.0.7:50051,10.0.0.8:50051",
        "ipv6:[::1]:50051",
        "unix:///run/failsoft/llm.sock",
        "unix-abstract:llm",
        "kubernetes:///failsoft/local-llm:grpc",
    ],
)
def test_these_are_our_own_network(endpoint: str) -> None:
    assert in_own_network(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "failsoft.example.com:443",
        "dns:///failsoft.example.com:443",
        "dns:///svc.example.com:443",
        "8.8.8.8:50051",
        "134744072:50051",
        "0x08080808:50051",
        "ipv4:10.0.0.7:50051,8.8.8.8:50051",
        "ipv6:[2606:4700::1111]:50051",
        "xds:///failsoft.example.com",
        "",
    ],
)
def test_these_are_not(endpoint: str) -> None:
    """In doubt it is outside, where our token is not shown."""
    assert not in_own_network(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "listening"),
    [
        ("127.0.0.1:50050", "127.0.0.1:50050"),
        ("localhost:50050", "127.0.0.1:50050"),
        ("dns:///LOCALHOST.:50050", "127.0.0.1:50050"),
        ("dns://8.8.8.8/localhost:50050", "[::1]:50050"),
        ("ipv4:10.0.0.7:50050,127.0.0.1:50050", "0.0.0.0:50050"),
        ("ipv6:[::1]:50050", "[::]:50050"),
        ("0.0.0.0:50050", "127.0.0.1:50050"),
        ("failsoft-router:50050", "failsoft-router:50050"),
    ],
)
def test_these_are_where_we_listen(endpoint: str, listening: str) -> None:
    assert leads_to(endpoint, listening)


@pytest.mark.parametrize(
    ("endpoint", "listening"),
    [
        ("127.0.0.1:50051", "127.0.0.1:50050"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1", "127.0.0.1:50050"),
        ("::1", "[::]:1"),
        ("127.0.0.2:50050", "127.0.0.1:50050"),
        ("10.0.0.7:50050", "0.0.0.0:50050"),
        ("dns:///failsoft-router:50050", "0.0.0.0:50050"),
        ("unix:/run/router:50050", "127.0.0.1:50050"),
        ("xds:///localhost:50050", "127.0.0.1:50050"),
        ("", ""),
    ],
)
def test_these_are_not_certainly_where_we_listen(endpoint: str, listening: str) -> None:
    """A circle that is not refused at start is noticed by its length."""
    assert not leads_to(endpoint, listening)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com@10.0.0.1/v1",
        "https://@example.com/v1",
        "https://example.com/v1@x",
        "https://example.com/v1#x",
        "https://example.com/v1#",
    ],
)
def test_a_url_that_may_lead_elsewhere_than_it_seems_is_none(url: str) -> None:
    assert host_of(url) is None


class Names(AbstractResolver):
    """Resolves every name to the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_name_gives_its_public_addresses_only() -> None:
    found = await PublicOnly(Names("10.0.0.1", "8.8.8.8")).resolve("api.example.com")

    assert [each["host"] for each in found] == ["8.8.8.8"]


async def test_a_name_that_leads_into_our_network_is_refused_without_saying_where() -> None:
    with pytest.raises(AddressRefused) as refused:
        await PublicOnly(Names("10.0.0.1", "::1")).resolve("api.example.com")

    assert "10.0.0.1" not in str(refused.value)
