"""A port for insiders tells what it serves; the others don't."""

from dataclasses import replace

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from failsoft_kit.rpc.server import Service
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, Echo
from failsoft_kit.testing.grpc import channel_to, service_of

pytestmark = pytest.mark.integration

VERSIONS = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]


def serving(*, reflection: bool) -> Service:
    service = service_of(Echo().register, access=OPEN_TO_TENANTS)
    (listener,) = service.listeners
    return replace(service, listeners=[replace(listener, reflection=reflection)])


Call = grpc.aio.StreamStreamCall[ServerReflectionRequest, ServerReflectionResponse]


def call(channel: grpc.aio.Channel, version: str) -> Call:
    """A conversation over the protocol of that version, in which nothing was said yet."""
    method: grpc.aio.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse]
    method = channel.stream_stream(
        f"/{version}/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    return method()


async def ask(
    channel: grpc.aio.Channel, version: str, request: ServerReflectionRequest
) -> ServerReflectionResponse:
    """The answer to one question."""
    conversation = call(channel, version)
    await conversation.write(request)
    return await anext(aiter(conversation))


@pytest.mark.parametrize("version", VERSIONS)
async def test_services_are_listed(version: str) -> None:
    async with channel_to(serving(reflection=True)) as channel:
        answer = await ask(channel, version, ServerReflectionRequest(list_services=""))
    names = {service.name for service in answer.list_services_response.service}
    assert names == {"failsoft.test.Echo", "grpc.health.v1.Health", *VERSIONS}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_contract_can_be_read(version: str) -> None:
    symbol = ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health")
    async with channel_to(serving(reflection=True)) as channel:
        answer = await ask(channel, version, symbol)
    assert answer.file_descriptor_response.file_descriptor_proto


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_ordinary_port_tells_nothing(version: str) -> None:
    async with channel_to(serving(reflection=False)) as channel:
        # Nothing is asked: a question may come too late to a port that refuses at once.
        refused = await call(channel, version).code()
    assert refused is grpc.StatusCode.UNIMPLEMENTED
