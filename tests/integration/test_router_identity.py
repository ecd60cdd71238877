"""Who may ask a router whose users are known, and what is written down about them."""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
import structlog
from api_keys import CREATED, bearer, write_keys
from issuer import Issuer
from router_under_test import Router, StartRouter, chat

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_kit import logs
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.settings import IdentitySettings, JwtSettings
from failsoft_kit.rpc.status import from_rpc_error

pytestmark = pytest.mark.integration

USER, OPERATOR, EXPIRED, UNKNOWN = ApiKey.new(), ApiKey.new(), ApiKey.new(), ApiKey.new()
MOCK_FOR_ACME = {
    "targets": {},
    "routes": {"chat": {"default": True, "hops": ["mock"]}},
    "tenants": {"acme": {"allow_mock": True}},
}


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def router(start_router: StartRouter, tmp_path: Path, issuer: Issuer) -> Router:
    """One that answers nobody but the tenant acme."""
    keys, published = tmp_path / "keys", tmp_path / "jwks.json"
    write_keys(
        keys,
        {
            USER: {},
            OPERATOR: {"tenant": "ops", "scopes": ["operator"]},
            EXPIRED: {"expires": CREATED + timedelta(seconds=1)},
        },
    )
    published.write_bytes(issuer.key_set("curve"))
    jwt = JwtSettings(issuer="i", audience="a", jwks_file=published)
    return await start_router(MOCK_FOR_ACME, identity=IdentitySettings(keys_file=keys, jwt=jwt))


def token(issuer: Issuer, **claims: object) -> str:
    usual = {"iss": "i", "aud": "a", "exp": SystemClock().unix() + 600, "tenant": "acme"}
    return issuer.token({**usual, **claims})


async def asked(router: Router, metadata: tuple[tuple[str, str], ...]) -> str:
    """Who answered, or why nobody did."""
    try:
        reply = await router.stub.Generate(
            pb.GenerateRequest(chat=chat("What is soft?")), metadata=metadata
        )
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return reply.finished.served_by


async def administered(router: Router, metadata: tuple[tuple[str, str], ...]) -> str:
    """Whether the admin port answers, or why not."""
    try:
        await router.admin.ListTargets(admin_pb.ListTargetsRequest(), metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


async def test_each_user_asks_for_its_own_tenant(router: Router, issuer: Issuer) -> None:
    """Only acme takes a mock for an answer, so whoever gets one was taken for acme."""
    claim = (("failsoft-tenant", "acme"),)

    assert await asked(router, bearer(USER)) == "mock"
    assert await asked(router, bearer(token(issuer))) == "mock"
    assert await asked(router, bearer(OPERATOR) + claim) == "UNAVAILABLE"
    assert await asked(router, bearer(token(issuer, tenant="globex")) + claim) == "UNAVAILABLE"


async def test_who_shows_nothing_good_is_nobody(router: Router, issuer: Issuer) -> None:
    for shown in ((), bearer(EXPIRED), bearer(UNKNOWN), bearer(token(issuer, aud="x"))):
        assert await asked(router, shown) == "UNAUTHENTICATED"
        assert await administered(router, shown) == "UNAUTHENTICATED"


async def test_the_admin_port_is_for_operators(router: Router, issuer: Issuer) -> None:
    assert await administered(router, bearer(USER)) == "PERMISSION_DENIED"
    assert await administered(router, bearer(token(issuer))) == "PERMISSION_DENIED"
    assert await administered(router, bearer(OPERATOR)) == "OK"
    assert await administered(router, bearer(token(issuer, scope="operator"))) == "OK"


async def test_a_tenant_that_asks_too_much_is_told_when_to_come_back(
    start_router: StartRouter, tmp_path: Path
) -> None:
    keys, other = tmp_path / "keys", ApiKey.new()
    write_keys(keys, {USER: {}, other: {"tenant": "globex"}})
    limits = {"allow_mock": True, "limits": {"requests_per_minute": 1, "burst": 2}}
    tenants = {"acme": limits, "globex": limits}
    router = await start_router(
        {**MOCK_FOR_ACME, "tenants": tenants}, identity=IdentitySettings(keys_file=keys)
    )

    answers = [await asked(router, bearer(USER)) for _ in range(3)]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await router.stub.Generate(pb.GenerateRequest(chat=chat("Hi")), metadata=bearer(USER))

    error = from_rpc_error(refused.value)
    assert answers == ["mock", "mock", "RESOURCE_EXHAUSTED"]
    assert error.reason == "TENANT_LIMITED"
    assert error.retry_after is not None
    assert 0.0 < error.retry_after <= 60.0
    assert await asked(router, bearer(other)) == "mock"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, from debug on."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    settings = logs.LogSettings(level=logs.Level.DEBUG, form=logs.Form.JSON)
    logs.configure(settings, service="test", trace=lambda: None, stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_nothing_that_is_shown_is_written_down(
    log: io.StringIO, router: Router, issuer: Issuer
) -> None:
    good, other = token(issuer), token(issuer, aud="x")
    told = []
    for shown in (USER, EXPIRED, UNKNOWN, good, other):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await router.admin.ListTargets(admin_pb.ListTargetsRequest(), metadata=bearer(shown))
        told.append(f"{refused.value!r} {refused.value.trailing_metadata()!r}")
        await asked(router, bearer(shown))

    written = "\n".join((log.getvalue(), *told, *map(repr, router.spans.all())))
    secrets = [key.text.rpartition(key.id)[2] for key in (USER, EXPIRED, UNKNOWN)]
    hashes = [key.digest for key in (USER, EXPIRED)]
    signatures = [each.rpartition(".")[2] for each in (good, other)]
    assert "rpc." in written
    assert [each for each in (*secrets, *hashes, *signatures) if each in written] == []
