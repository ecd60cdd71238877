"""A router with TLS on every side: its callers', its cache's, its targets'."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import yaml
from api_keys import bearer, write_keys
from certificates import MountedSecret, TestAuthority
from router_under_test import chat, openai_target
from tls_stage import client_of

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_cache.settings import CacheSettings
from failsoft_cache.wiring import build as build_cache
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.settings import IdentitySettings
from failsoft_kit.rpc.server import Service, running
from failsoft_kit.telemetry import Telemetry, Tracer
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_kit.tls.settings import ClientTlsSettings, ServerTlsSettings
from failsoft_router.settings import RouterSettings
from failsoft_router.wiring.service import build as build_router
from failsoft_upstream import Upstream

pytestmark = pytest.mark.integration

KEY = ApiKey.new()
ROUTER = "router.test"
HERE = "localhost"
"""What the certificates of all who are called are for."""
PATIENCE = 30.0
AT_ZERO = chat_pb2.Sampling(temperature=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A router for users, and behind it a cache and another router, which know it by its name.

    Attributes:
        behind: What was recorded of the calls to the router behind.
    """

    secrets: dict[str, MountedSecret]
    address: str
    cache_address: str
    behind_address: str
    behind: RecordedSpans

    def rotate(self) -> None:
        """Give everybody a certificate of a new authority."""
        newcomer = TestAuthority()
        for name, secret in self.secrets.items():
            secret.put(newcomer, newcomer.issue(HERE, name))

    def channel(self) -> grpc.aio.Channel:
        """Of a user, who has no certificate."""
        return client_of(self.secrets["user"], shows=False).open_channel(self.address)


def shown(secret: MountedSecret, *, services: list[str] | None = None) -> ServerTlsSettings:
    """
    Args:
        services: None: callers show no certificate.
    """
    return ServerTlsSettings(
        certificate_file=secret.certificate,
        key_file=secret.key,
        client_ca_file=None if services is None else secret.authorities,
        services=services or [],
    )


def telemetry(spans: RecordedSpans) -> Telemetry:
    return Telemetry(tracer=Tracer(clock=SystemClock(), sink=spans))


def router_settings(file: Path, policy: object, **settings: object) -> RouterSettings:
    file.write_text(yaml.safe_dump(policy))
    defaults = {"address": "127.0.0.1:0", "admin_address": "127.0.0.1:0", "drain": 1.0}
    return RouterSettings.model_validate({**defaults, "policy_file": file, **settings})


@pytest.fixture(params=[False, True], ids=["by name", "by name and token"])
def service_token_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """What services know each other by, beside their certificates."""
    if not request.param:
        return None
    file = tmp_path / "service-token"
    file.write_text("0123456789abcdef" * 4)
    return file


@pytest.fixture
async def town(
    tmp_path: Path, first: Upstream, service_token_file: Path | None
) -> AsyncIterator[Town]:
    authority, spans = TestAuthority(), RecordedSpans()
    secrets = {
        name: MountedSecret(tmp_path / name, authority, authority.issue(HERE, name))
        for name in (ROUTER, "cache.test", "behind.test", "user")
    }
    write_keys(tmp_path / "keys", {KEY: {"tenant": "acme"}})
    own = secrets[ROUTER]
    async with AsyncExitStack() as stack:

        async def start(service: Service) -> str:
            ports = await stack.enter_async_context(running(service))
            return f"dns:///{HERE}:{ports[0]}"

        cache = CacheSettings(
            address="127.0.0.1:0",
            data_dir=tmp_path,
            drain=1.0,
            service_token_file=service_token_file,
            tls=shown(secrets["cache.test"], services=[ROUTER]),
        )
        behind = router_settings(
            tmp_path / "behind.yaml",
            {
                "targets": {"first": openai_target(first)},
                "routes": {"inner": {"default": True, "hops": ["first"]}},
            },
            service_token_file=service_token_file,
            tls=shown(secrets["behind.test"], services=[ROUTER]),
        )
        inner = build_router(behind, clock=SystemClock(), telemetry=telemetry(spans), environ={})
        behind_address = await start(await stack.enter_async_context(inner))
        target = {
            "provider": "failsoft",
            "endpoint": behind_address,
            "model": "inner",
            "tls": True,
        }
        kept = build_cache(cache, clock=SystemClock(), telemetry=telemetry(RecordedSpans()))
        cache_address = await start(kept)
        front = router_settings(
            tmp_path / "front.yaml",
            {
                "targets": {"behind": target},
                "routes": {"chat": {"default": True, "hops": ["behind"]}},
            },
            identity=IdentitySettings(keys_file=tmp_path / "keys"),
            cache_address=cache_address,
            service_token_file=service_token_file,
            tls=shown(own),
            client_tls=ClientTlsSettings(
                ca_file=own.authorities, certificate_file=own.certificate, key_file=own.key
            ),
        )
        outer = build_router(
            front, clock=SystemClock(), telemetry=telemetry(RecordedSpans()), environ={}
        )
        address = await start(await stack.enter_async_context(outer))
        yield Town(
            secrets=secrets,
            address=address,
            cache_address=cache_address,
            behind_address=behind_address,
            behind=spans,
        )


async def ask(channel: grpc.aio.Channel, question: str) -> pb.GenerateResponse:
    stub = InferenceServiceStub(channel)
    request = pb.GenerateRequest(chat=chat(question, sampling=AT_ZERO))
    return await stub.Generate(request, metadata=bearer(KEY), timeout=PATIENCE)


async def ask_until_cached(channel: grpc.aio.Channel, question: str) -> None:
    """Answers are stored in the background."""
    async with asyncio.timeout(PATIENCE):
        while True:
            finished = (await ask(channel, question)).finished
            if finished.cache_status == walk_pb2.CACHE_STATUS_HIT_FRESH:
                return


async def test_a_user_with_a_key_is_answered_through_mutual_tls(town: Town) -> None:
    """The router is known by what it shows, and speaks for acme."""
    async with town.channel() as channel:
        answer = await ask(channel, "What is soft?")
        await ask_until_cached(channel, "What is soft?")

    assert answer.finished.served_by == "behind"
    call = town.behind.one("failsoft.inference.v1.InferenceService/StreamGenerate")
    assert call.attributes["failsoft.tenant.id"] == "acme"


async def test_every_certificate_is_exchanged_while_the_router_answers(town: Town) -> None:
    """By those of another authority: whoever stayed with an old one would be refused."""
    async with town.channel() as before:
        await ask(before, "What was there?")
        town.rotate()
        async with asyncio.timeout(PATIENCE):
            while not await is_answered(town, "What is there now?"):
                pass
        async with town.channel() as after:
            await ask_until_cached(after, "What is there now?")


@pytest.mark.parametrize("whom", ["cache", "behind"])
async def test_who_has_no_certificate_does_not_come_past_the_router(town: Town, whom: str) -> None:
    """Loopback and a good key are not enough there."""
    address = town.cache_address if whom == "cache" else town.behind_address
    user = client_of(town.secrets["user"], shows=False)
    async with user.open_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(channel, "What is soft?")
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def is_answered(town: Town, question: str) -> bool:
    """Whether a user is who comes now, and who trusts the authority of now."""
    async with town.channel() as channel:
        try:
            await ask(channel, question)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return True
