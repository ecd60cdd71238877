"""What an InferenceService says about itself and about requests."""

from typing import TYPE_CHECKING

import grpc
import pytest

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = pytest.mark.integration

SECONDS = 30.0


def question(model: str, *texts: str) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(
        model=model,
        messages=[
            chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=text)])
            for text in texts
        ],
        sampling=chat_pb2.Sampling(max_tokens=1),
    )


async def models(stub: "Stub") -> list[pb.ModelInfo]:
    return list((await stub.ListModels(pb.ListModelsRequest(), timeout=SECONDS)).models)


async def tokens(stub: "Stub", chat: chat_pb2.ChatRequest) -> int:
    response = await stub.CountTokens(pb.CountTokensRequest(chat=chat), timeout=SECONDS)
    assert response.model
    return response.input_tokens


async def test_the_models_are_listed_by_name(stub: "Stub", model: str) -> None:
    listed = await models(stub)
    ids = [info.id for info in listed]

    assert model in ids
    assert ids == sorted(set(ids))
    assert {info.kind for info in listed} <= {"route", "model"}
    assert sum(info.is_default for info in listed) <= 1
    assert all(pb.CAPABILITY_UNSPECIFIED not in info.capabilities for info in listed)


async def test_every_listed_model_may_be_asked_for(stub: "Stub") -> None:
    """It may be out of service now, but it is known and the question is fine."""
    for info in await models(stub):
        try:
            await stub.Generate(
                pb.GenerateRequest(chat=question(info.id, "Say hello.")), timeout=SECONDS
            )
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - it may not fail


async def test_a_default_answers_who_names_no_model(stub: "Stub") -> None:
    default = next((info for info in await models(stub) if info.is_default), None)
    if default is None:
        pytest.skip("this implementation has no default")
    for name in ("", "no-such-model") if default.kind == "route" else ("",):
        response = await stub.Generate(
            pb.GenerateRequest(chat=question(name, "Say hello.")), timeout=SECONDS
        )
        assert response.choices


async def test_more_words_are_more_tokens(stub: "Stub", model: str) -> None:
    few = await tokens(stub, question(model, "Hello there"))
    more = await tokens(stub, question(model, "Hello there, how are you today, my friend?"))
    most = await tokens(stub, question(model, "Hello there, how are you?", "And your brother?"))

    assert 0 < few < more
    assert few < most
