"""What a model lists it does, and what it does not list it refuses: never half of it unsaid."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import grpc
import pytest

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub as Stub

pytestmark = pytest.mark.integration

SECONDS = 60.0
REGEX = r"(left|right)-[0-9]{2}"
CHOICES = ["north", "south"]
REFUSALS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAVAILABLE)
"""A model's own, and that of a router all of whose targets were skipped."""

Met = Callable[[pb.GenerateResponse], bool]


def text_of(response: pb.GenerateResponse) -> str:
    return "".join(part.text for part in response.choices[0].message.parts)


def tells_its_tokens(response: pb.GenerateResponse) -> bool:
    tokens = response.choices[0].logprobs
    told = b"".join(token.data for token in tokens).decode("utf-8", "replace")
    return told == text_of(response) and all(-9999 <= token.logprob <= 0 for token in tokens)


def tells_two_for_each(response: pb.GenerateResponse) -> bool:
    tokens = response.choices[0].logprobs
    return len(tokens) > 0 and all(len(token.top) == 2 for token in tokens)


SAMPLED: Mapping[pb.Capability.ValueType, tuple[chat_pb2.Sampling, Met]] = {
    pb.CAPABILITY_LOGPROBS: (chat_pb2.Sampling(logprobs=True), tells_its_tokens),
    pb.CAPABILITY_TOP_LOGPROBS: (
        chat_pb2.Sampling(logprobs=True, top_logprobs=2),
        tells_two_for_each,
    ),
    pb.CAPABILITY_LOGIT_BIAS: (
        chat_pb2.Sampling(logit_bias={5: -100.0}),
        lambda response: text_of(response) != "",
    ),
}
FORMED: Mapping[pb.Capability.ValueType, tuple[chat_pb2.ResponseFormat, Met]] = {
    pb.CAPABILITY_REGEX: (
        chat_pb2.ResponseFormat(kind=chat_pb2.RESPONSE_FORMAT_KIND_REGEX, regex=REGEX),
        lambda response: re.fullmatch(REGEX, text_of(response)) is not None,
    ),
    pb.CAPABILITY_CHOICE: (
        chat_pb2.ResponseFormat(kind=chat_pb2.RESPONSE_FORMAT_KIND_CHOICE, choices=CHOICES),
        lambda response: text_of(response) in CHOICES,
    ),
}


def wishing(model: str, capability: pb.Capability.ValueType) -> tuple[chat_pb2.ChatRequest, Met]:
    """A request that asks for it, and whether an answer has met that."""
    chat = chat_pb2.ChatRequest(
        model=model,
        messages=[
            chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Which way?")])
        ],
        sampling=chat_pb2.Sampling(temperature=0.0, max_tokens=24),
    )
    if capability in SAMPLED:
        sampling, met = SAMPLED[capability]
        chat.sampling.MergeFrom(sampling)
        return chat, met
    form, met = FORMED[capability]
    chat.response_format.CopyFrom(form)
    return chat, met


async def listed(stub: "Stub", model: str) -> set[int]:
    models = (await stub.ListModels(pb.ListModelsRequest(), timeout=SECONDS)).models
    return {each for info in models if info.id == model for each in info.capabilities}


@pytest.mark.parametrize("capability", [*SAMPLED, *FORMED], ids=pb.Capability.Name)
async def test_a_wish_is_met_or_refused_as_the_model_lists_it(
    stub: "Stub", model: str, capability: pb.Capability.ValueType
) -> None:
    chat, met = wishing(model, capability)
    request = pb.GenerateRequest(chat=chat)

    if capability in await listed(stub, model):
        assert met(await stub.Generate(request, timeout=SECONDS))
        return
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.Generate(request, timeout=SECONDS)
    assert refused.value.code() in REFUSALS
