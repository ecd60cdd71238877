"""Who comes through to a port with TLS, and as whom."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from certificates import TestAuthority
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tls_stage import ROUTER, SERVER, TlsStage, channel, client_of, serving

from failsoft_kit import call
from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.rpc.channel import open_channel, outgoing_metadata
from failsoft_kit.rpc.server import running
from failsoft_kit.rpc.service import health_listener
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, Echo, EchoStub
from failsoft_kit.testing.grpc import service_of

pytestmark = pytest.mark.integration

SPIFFE = "spiffe://cluster.local/ns/failsoft/sa/router"
TOKEN, OTHER_TOKEN = "0123456789abcdef" * 4, "fedcba9876543210" * 4
ANSWER_SECONDS = 20.0


async def say_who(request: StringValue, context: object) -> StringValue:
    principal = call.current().principal
    return StringValue(value=f"{principal.tenant} {principal.kind.value}")


WHO = Echo(unary=say_who)


async def refusal_of(
    opened: grpc.aio.Channel, token: ServiceToken | None = None
) -> grpc.aio.AioRpcError:
    """Why a call over that channel, for the tenant acme, is refused."""
    async with opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(opened, token)
    return refused.value


async def ask(opened: grpc.aio.Channel, token: ServiceToken | None = None) -> str:
    """Whom the service takes us for, who call for the tenant acme."""
    metadata = outgoing_metadata(tenant="acme", token=token)
    stub = EchoStub(opened)
    return (await stub.unary(StringValue(), metadata=metadata, timeout=ANSWER_SECONDS)).value


async def test_who_speaks_no_tls_is_refused(stage: TlsStage) -> None:
    async with serving(stage.server_tls(certificates=False), echo=WHO) as address:
        refused = await refusal_of(open_channel(address))
    assert refused.code() is grpc.StatusCode.UNAVAILABLE


async def test_without_client_certificates_tls_is_for_everybody_who_trusts_the_authority(
    stage: TlsStage,
) -> None:
    """The router's front door: callers have a key, and no certificate."""
    caller = client_of(stage.secret("caller"), shows=False)
    async with (
        serving(stage.server_tls(certificates=False), echo=WHO) as address,
        channel(caller, address) as opened,
    ):
        assert await ask(opened) == "default user"


async def test_who_trusts_another_authority_does_not_talk_to_us(stage: TlsStage) -> None:
    caller = client_of(stage.secret("caller", authority=TestAuthority()), shows=False)
    async with serving(stage.server_tls(certificates=False), echo=WHO) as address:
        refused = await refusal_of(channel(caller, address))
    assert refused.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_by_another_name_is_not_talked_to(stage: TlsStage) -> None:
    """Any pod with a certificate of the authority could take the cache's calls."""
    caller = client_of(stage.secret("router", ROUTER))
    async with serving(stage.server_tls(), echo=WHO) as address:
        refused = await refusal_of(channel(caller, address, server_name="another.test"))
    assert refused.code() is grpc.StatusCode.UNAVAILABLE


async def test_where_a_certificate_is_demanded_who_has_none_is_refused(stage: TlsStage) -> None:
    caller = client_of(stage.secret("router", ROUTER), shows=False)
    async with serving(stage.server_tls(services=[ROUTER]), echo=WHO) as address:
        refused = await refusal_of(channel(caller, address))
    assert refused.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_another_authority_is_refused(stage: TlsStage) -> None:
    stranger = TestAuthority()
    forged = stranger.issue(ROUTER)
    secret = stage.secret("router", ROUTER)
    secret.put(stage.authority, forged)
    async with serving(stage.server_tls(services=[ROUTER]), echo=WHO) as address:
        refused = await refusal_of(channel(client_of(secret), address))
    assert refused.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("name", [ROUTER, SPIFFE])
async def test_a_service_is_known_by_a_name_and_speaks_for_its_tenant(
    stage: TlsStage, name: str
) -> None:
    caller = client_of(stage.secret("router", "more.test", ROUTER, SPIFFE))
    tls = stage.server_tls(services=[name])
    async with (
        serving(tls, echo=WHO, access=Access.SERVICE) as address,
        channel(caller, address) as opened,
    ):
        assert await ask(opened) == "acme service"


async def test_a_stranger_of_the_same_authority_is_told_what_is_missing(stage: TlsStage) -> None:
    caller = client_of(stage.secret("stranger", "stranger.test"))
    async with serving(stage.server_tls(services=[ROUTER]), echo=WHO) as address:
        refused = await refusal_of(channel(caller, address))

    assert refused.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "stranger.test" in (refused.details() or "")
    assert "certificate of one of our services" in (refused.details() or "")


async def test_the_common_name_of_a_certificate_is_no_name(stage: TlsStage) -> None:
    caller = client_of(stage.secret("stranger", "stranger.test"))
    async with serving(stage.server_tls(services=["common-name.test"]), echo=WHO) as address:
        refused = await refusal_of(channel(caller, address))
    assert refused.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_where_there_is_a_service_token_too_a_service_shows_both(
    stage: TlsStage, token: ServiceToken
) -> None:
    caller = client_of(stage.secret("router", ROUTER))
    async with (
        serving(stage.server_tls(services=[ROUTER]), echo=WHO, token=token) as address,
        channel(caller, address) as opened,
    ):
        assert await ask(opened, token) == "acme service"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (ROUTER, None),
        (ROUTER, OTHER_TOKEN),
        ("stranger.test", TOKEN),
        ("stranger.test", OTHER_TOKEN),
        ("stranger.test", None),
    ],
)
async def test_neither_the_token_nor_the_name_is_enough_where_there_are_both(
    stage: TlsStage, token: ServiceToken, name: str, shown: str | None
) -> None:
    """An authority may serve a whole cluster and give anybody any name; a token may get out."""
    caller = client_of(stage.secret("caller", name))
    shows = None if shown is None else token_in(stage.folder / "shown", shown)
    async with serving(stage.server_tls(services=[ROUTER]), echo=WHO, token=token) as address:
        refused = await refusal_of(channel(caller, address), shows)

    assert refused.code() is grpc.StatusCode.UNAUTHENTICATED
    said = refused.details() or ""
    assert "the service token along with a certificate of one of our services" in said
    assert ("the one shown is for stranger.test" in said) == (name != ROUTER)


async def test_a_bearer_that_is_none_of_ours_is_refused_whatever_the_certificate(
    stage: TlsStage,
) -> None:
    """A service that passes a user's key on must not be given more than the user."""
    caller = client_of(stage.secret("router", ROUTER))
    async with (
        serving(stage.server_tls(services=[ROUTER]), echo=WHO) as address,
        channel(caller, address) as opened,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await EchoStub(opened).unary(
                StringValue(), metadata=(("authorization", "Bearer fs_key"),)
            )
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_without_names_a_certificate_opens_the_port_and_says_nothing_more(
    stage: TlsStage,
) -> None:
    caller = client_of(stage.secret("router", ROUTER))
    async with (
        serving(stage.server_tls(), echo=WHO) as address,
        channel(caller, address) as opened,
    ):
        assert await ask(opened) == "default user"


async def test_health_has_a_port_of_its_own_that_speaks_no_tls(stage: TlsStage) -> None:
    """The kubelet's probes cannot do TLS, and show nothing."""
    service = service_of(WHO.register, access=OPEN_TO_TENANTS)
    (listener,) = service.listeners
    tls = stage.server_tls(services=[ROUTER])
    every_address = "0.0.0.0:0"  # the kubelet is not on loopback
    health = health_listener(every_address, setting="test.health_address")
    both = replace(service, listeners=[replace(listener, tls=tls), health])
    async with running(both) as (_, port), open_channel(f"127.0.0.1:{port}") as opened:
        stub: Any = health_pb2_grpc.HealthStub(opened)
        told = await stub.Check(health_pb2.HealthCheckRequest())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(opened)

    assert told.status == health_pb2.HealthCheckResponse.SERVING
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("newest", "works"), [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)]
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_the_oldest_tls_is_1_2(stage: TlsStage, newest: ssl.TLSVersion, works: bool) -> None:
    old = ssl.create_default_context(cafile=str(stage.server.authorities))
    old.minimum_version, old.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with serving(stage.server_tls(certificates=False)) as address:
        assert await _shakes_hands(old, address) is works


async def _shakes_hands(context: ssl.SSLContext, address: str) -> bool:
    host, port = address.split(":")
    try:
        _, writer = await asyncio.open_connection(
            host, int(port), ssl=context, server_hostname=SERVER
        )
    except (ssl.SSLError, ConnectionResetError):
        return False
    writer.close()
    return True


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    return token_in(tmp_path / "token", TOKEN)


def token_in(file: Path, content: str) -> ServiceToken:
    file.write_text(content)
    return ServiceToken.from_file(file)
