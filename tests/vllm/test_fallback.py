"""A model that vLLM cannot load, and what is served until it can."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from vllm_service import INFERENCE, START_SECONDS, model, vllm_service

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_kit.rpc.channel import open_channel

pytestmark = [pytest.mark.integration, pytest.mark.vllm]

Question = Callable[..., chat_pb2.ChatRequest]

SMALL = "smollm2-135m-instruct"
LOOK_SECONDS = 0.2


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of a model whose files are whole, and of which vLLM knows nothing."""
    copy = tmp_path / "tiny"
    shutil.copytree(model("tiny"), copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"architectures": ["OfNobody"]}))
    return copy


async def test_the_small_model_is_served_until_vllm_can_load_the_other(
    directory: Path, question: Question
) -> None:
    """By policy, and by nobody's hand; each reply, ListModels and health tell who answers."""
    with vllm_service(
        directory, fallback="true", fallback_retry="1s", warm_up_tokens="0"
    ) as service:
        await asyncio.to_thread(service.wait_until_serving)
        async with open_channel(service.address) as channel:
            stub = InferenceServiceStub(channel)
            health: Any = health_pb2_grpc.HealthStub(channel)

            async def status() -> pb.ModelStatus:
                [listed] = (await stub.ListModels(pb.ListModelsRequest())).models
                return listed.status

            async def answer() -> pb.Finished:
                return (await stub.Generate(pb.GenerateRequest(chat=question()))).finished

            degraded, of_small = await status(), await answer()
            assert (degraded.serving, degraded.degraded) == (True, True)
            assert (degraded.answered_by, degraded.profile) == (SMALL, "minimal")
            assert "OfNobody" in degraded.why
            assert (of_small.served_by, of_small.model) == (SMALL, SMALL)
            assert of_small.degradation == chat_pb2.DEGRADATION_FALLBACK_TARGET

            shutil.copy(model("tiny") / "config.json", directory)

            async with asyncio.timeout(START_SECONDS):
                while (await status()).degraded:
                    await asyncio.sleep(LOOK_SECONDS)  # ListModels is asked, it does not tell
                    checked = await health.Check(health_pb2.HealthCheckRequest(service=INFERENCE))
                    assert checked.status == health_pb2.HealthCheckResponse.SERVING
            whole, of_tiny = await status(), await answer()
            assert (whole.answered_by, whole.profile, whole.engine) == ("tiny", "primary", "vllm")
            assert (of_tiny.served_by, of_tiny.model) == ("tiny", "tiny")
            assert of_tiny.degradation == chat_pb2.DEGRADATION_NONE
