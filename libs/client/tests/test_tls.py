"""Both clients call by TLS, and talk to nobody but the router that is meant."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import grpc
import pytest
from certificates import TestAuthority

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_client import Client, FailsoftRpcError, Tls, aio

pytestmark = pytest.mark.integration

AUTHORITY = TestAuthority()
TRUSTED = Tls(authorities=AUTHORITY.pem, server_name="router.test")
Context = grpc.aio.ServicerContext[pb.ListModelsRequest, Awaitable[pb.ListModelsResponse]]


class Router(pb_grpc.InferenceServiceServicer):
    async def ListModels(  # noqa: N802 - the name is the contract's
        self, request: pb.ListModelsRequest, context: "Context"
    ) -> pb.ListModelsResponse:
        return pb.ListModelsResponse(models=[pb.ModelInfo(id="chat", kind="route")])


@pytest.fixture
async def target() -> AsyncIterator[str]:
    """The address of a router whose certificate is for router.test."""
    issued = AUTHORITY.issue("router.test")
    server = grpc.aio.server()
    pb_grpc.add_InferenceServiceServicer_to_server(Router(), server)  # type: ignore[abstract]
    credentials = grpc.ssl_server_credentials([(issued.key, issued.certificate)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def models_in_thread(target: str, tls: Tls | None) -> list[str]:
    with Client(target, tls=tls) as client:
        return [model.id for model in client.list_models()]


async def models(target: str, tls: Tls | None) -> list[str]:
    async with aio.Client(target, tls=tls) as client:
        return [model.id for model in await client.list_models()]


async def test_a_router_by_the_right_name_is_asked(target: str) -> None:
    assert await models(target, TRUSTED) == ["chat"]
    assert await asyncio.to_thread(models_in_thread, target, TRUSTED) == ["chat"]


@pytest.mark.parametrize(
    "tls",
    [
        None,
        Tls(authorities=AUTHORITY.pem),
        Tls(authorities=AUTHORITY.pem, server_name="another.test"),
        Tls(authorities=TestAuthority().pem, server_name="router.test"),
    ],
    ids=["in the clear", "by its address", "by another name", "of another authority"],
)
async def test_any_other_is_not(target: str, tls: Tls | None) -> None:
    with pytest.raises(FailsoftRpcError) as refused:
        await models(target, tls)
    assert refused.value.code is grpc.StatusCode.UNAVAILABLE

    with pytest.raises(FailsoftRpcError) as refused_in_thread:
        await asyncio.to_thread(models_in_thread, target, tls)
    assert refused_in_thread.value.code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("authorities", [b"", b"no PEM", b"\xff\xfe"])
def test_nobody_s_certificate_is_not_everybody_s(authorities: bytes) -> None:
    """gRPC takes an empty text for none, and trusts every public authority."""
    with pytest.raises(ValueError, match="no certificate"):
        Tls(authorities=authorities)


def test_words_between_certificates_may_be_in_any_language() -> None:
    Tls(authorities="# Büro\n".encode() + AUTHORITY.pem)
