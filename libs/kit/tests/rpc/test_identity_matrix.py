"""Who may call what, on which port: everything that is not allowed is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft_kit import call
from failsoft_kit.identity import Access, ApiKeys, ServiceToken
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.key_record import KeyRecord
from failsoft_kit.rpc.channel import Metadata, outgoing_metadata
from failsoft_kit.rpc.service import Service
from failsoft_kit.testing.echo import UNARY, Echo, EchoStub
from failsoft_kit.testing.grpc import channel_to, service_of

pytestmark = pytest.mark.integration

KEY = ApiKey.new()
OPERATORS_KEY = ApiKey.new()
SHOWN: Mapping[str, Metadata] = {
    "nothing": (),
    "another token": (("authorization", "Bearer " + "x" * 64),),
    "another key": (("authorization", f"Bearer {ApiKey.new().text}"),),
    "key": (("authorization", f"Bearer {KEY.text}"),),
    "operator's key": (("authorization", f"Bearer {OPERATORS_KEY.text}"),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One caller at one port."""

    access: Access | None
    token: bool = True
    trusted: bool = True
    keys: bool = False
    shows: str = "nothing"
    gets: str


CASES = [
    Case(access=Access.TENANT, token=False, gets="default user"),
    Case(access=Access.OPERATOR, token=False, gets="default user"),
    Case(access=Access.SERVICE, token=False, gets="PERMISSION_DENIED"),
    Case(access=Access.TENANT, gets="default user"),
    Case(access=Access.TENANT, shows="token", gets="acme service"),
    Case(access=Access.TENANT, shows="another token", gets="UNAUTHENTICATED"),
    Case(access=Access.SERVICE, gets="PERMISSION_DENIED"),
    Case(access=Access.SERVICE, shows="token", gets="acme service"),
    Case(access=Access.OPERATOR, shows="token", gets="acme service"),
    Case(access=Access.TENANT, trusted=False, gets="UNAUTHENTICATED"),
    Case(access=Access.TENANT, trusted=False, shows="token", gets="acme service"),
    Case(access=Access.SERVICE, trusted=False, gets="UNAUTHENTICATED"),
    Case(access=Access.OPERATOR, trusted=False, gets="UNAUTHENTICATED"),
    Case(access=Access.ANYONE, trusted=False, gets=" user"),
    Case(access=Access.TENANT, keys=True, gets="UNAUTHENTICATED"),
    Case(access=Access.TENANT, keys=True, token=False, gets="UNAUTHENTICATED"),
    Case(access=Access.TENANT, keys=True, shows="another token", gets="UNAUTHENTICATED"),
    Case(access=Access.TENANT, keys=True, shows="another key", gets="UNAUTHENTICATED"),
    Case(access=Access.TENANT, keys=True, shows="key", gets="globex user"),
    Case(access=Access.TENANT, keys=True, token=False, shows="key", gets="globex user"),
    Case(access=Access.TENANT, keys=True, trusted=False, shows="key", gets="globex user"),
    Case(access=Access.TENANT, keys=True, shows="token", gets="acme service"),
    Case(access=Access.TENANT, keys=False, shows="key", gets="UNAUTHENTICATED"),
    Case(access=Access.SERVICE, keys=True, shows="operator's key", gets="PERMISSION_DENIED"),
    Case(access=Access.OPERATOR, keys=True, shows="key", gets="PERMISSION_DENIED"),
    Case(access=Access.OPERATOR, keys=True, shows="operator's key", gets="globex user"),
    Case(access=Access.OPERATOR, keys=True, shows="token", gets="acme service"),
    Case(access=Access.OPERATOR, keys=True, gets="UNAUTHENTICATED"),
    Case(access=Access.ANYONE, keys=True, gets=" user"),
    Case(access=None, keys=True, shows="operator's key", gets="PERMISSION_DENIED"),
    Case(access=None, gets="PERMISSION_DENIED"),
    Case(access=None, token=False, gets="PERMISSION_DENIED"),
    Case(access=None, shows="token", gets="PERMISSION_DENIED"),
]


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef" * 4)
    return ServiceToken.from_file(path)


async def say_who(request: StringValue, context: object) -> StringValue:
    principal = call.current().principal
    return StringValue(value=f"{principal.tenant} {principal.kind.value}")


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    path = tmp_path / "keys"
    lines = [
        KeyRecord.model_validate(
            {
                "id": key.id,
                "sha256": key.digest,
                "tenant": "globex",
                "scopes": scopes,
                "created": datetime(2026, 11, 1, tzinfo=UTC),
            }
        ).to_line()
        for key, scopes in ((KEY, []), (OPERATORS_KEY, ["operator"]))
    ]
    path.write_bytes(b"".join(lines))
    return ApiKeys.from_file(path)


def serving(
    access: Access | None,
    *,
    token: ServiceToken | None,
    keys: ApiKeys | None = None,
    trusted: bool = True,
) -> Service:
    service = service_of(
        Echo(unary=say_who).register,
        access={} if access is None else {UNARY: access},
        token=token,
        authorities=() if keys is None else (keys,),
    )
    (listener,) = service.listeners
    return replace(service, listeners=[replace(listener, trust_loopback=trusted)])


async def answer_of(stub: EchoStub, metadata: Metadata) -> str:
    """Who the service says that the caller is, or why it doesn't say."""
    try:
        return (await stub.unary(StringValue(), metadata=metadata)).value
    except grpc.aio.AioRpcError as error:
        return error.code().name


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_everybody_gets_what_is_theirs(
    case: Case, token: ServiceToken, keys: ApiKeys
) -> None:
    """Each caller claims the tenant acme; only a service is believed."""
    shown = SHOWN.get(case.shows, outgoing_metadata(token=token))
    metadata = (*outgoing_metadata(tenant="acme"), *shown)
    service = serving(
        case.access,
        token=token if case.token else None,
        keys=keys if case.keys else None,
        trusted=case.trusted,
    )
    async with channel_to(service) as channel:
        answer = await answer_of(EchoStub(channel), metadata)
    assert answer == case.gets


async def test_a_channel_with_a_token_shows_it(token: ServiceToken) -> None:
    service = serving(Access.SERVICE, token=token, trusted=False)
    async with channel_to(service, token=token) as channel:
        reply = await EchoStub(channel).unary(
            StringValue(), metadata=outgoing_metadata(tenant="acme")
        )
    assert reply.value == "acme service"


async def test_a_probe_needs_no_token(token: ServiceToken) -> None:
    """The kubelet can show none."""
    async with channel_to(serving(None, token=token, trusted=False)) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        health = await stub.Check(health_pb2.HealthCheckRequest())
    assert health.status == health_pb2.HealthCheckResponse.SERVING
