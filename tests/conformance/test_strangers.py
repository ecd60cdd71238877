"""Callers without our generated code: they know reflection, or the proto files, and no more."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import grpc
import grpc_tools
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_tools import protoc

if TYPE_CHECKING:
    from google.protobuf.message import Message

pytestmark = pytest.mark.integration

SECONDS = 30.0
SERVICE = "failsoft.inference.v1.InferenceService"
PROTOS = Path(__file__).resolve().parents[2] / "protos" / "proto"


class Target(Protocol):
    """What the fixture `implementation` gives."""

    target: str
    model: str


def compiled(folder: Path) -> DescriptorPool:
    """The contract as protoc reads it from the proto files."""
    out = folder / "contract.binpb"
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    failed = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTOS}",
            f"--proto_path={well_known}",
            "--include_imports",
            f"--descriptor_set_out={out}",
            "failsoft/inference/v1/inference_service.proto",
        ]
    )
    assert not failed
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return pool


def ask(channel: grpc.Channel, pool: DescriptorPool, model: str) -> dict[str, object]:
    """Call Generate with what the pool knows of it."""
    method = pool.FindServiceByName(SERVICE).methods_by_name["Generate"]
    request_type = GetMessageClass(method.input_type)
    response_type = GetMessageClass(method.output_type)
    generate = cast(
        "grpc.UnaryUnaryMultiCallable[Message, Message]",
        channel.unary_unary(
            f"/{SERVICE}/{method.name}",
            request_serializer=request_type.SerializeToString,
            response_deserializer=response_type.FromString,
        ),
    )
    chat = {
        "model": model,
        "messages": [{"role": "ROLE_USER", "parts": [{"text": "Say hello."}]}],
        "sampling": {"maxTokens": 4},
    }
    return MessageToDict(generate(ParseDict({"chat": chat}, request_type()), timeout=SECONDS))


async def in_thread(
    implementation: Target, learn: Callable[[grpc.Channel], DescriptorPool]
) -> dict[str, object]:
    """Reflection's client is for threads."""

    def call() -> dict[str, object]:
        with grpc.insecure_channel(implementation.target) as channel:
            return ask(channel, learn(channel), implementation.model)

    return await asyncio.to_thread(call)


def assert_whole(response: dict[str, object]) -> None:
    assert response["choices"]
    finished = cast("dict[str, object]", response["finished"])
    assert finished["servedBy"]
    assert str(finished["finishReason"]).startswith("FINISH_REASON_")


async def test_one_who_knows_reflection_only_gets_an_answer(implementation: Target) -> None:
    """As grpcurl does without files."""
    assert_whole(
        await in_thread(
            implementation,
            lambda channel: DescriptorPool(ProtoReflectionDescriptorDatabase(channel)),
        )
    )


async def test_one_who_has_the_proto_files_only_gets_an_answer(
    implementation: Target, tmp_path: Path
) -> None:
    """As a client of any other language does."""
    assert_whole(await in_thread(implementation, lambda _: compiled(tmp_path)))
