"""vLLM's metrics beside ours, in one reading."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from scrape import Scrape, scrape
from vllm_service import VllmService

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb

pytestmark = [pytest.mark.integration, pytest.mark.vllm]


async def test_vllm_counts_beside_us_and_both_say_the_same(
    tiny: VllmService,
    ask: Callable[[chat_pb2.ChatRequest], Awaitable[pb.GenerateResponse]],
    question: Callable[..., chat_pb2.ChatRequest],
) -> None:
    async def read() -> Scrape:
        return await asyncio.to_thread(scrape, tiny.metrics_address)

    before = await read()
    reply = await ask(question("Count to ten."))
    after = await read()

    def grown(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    usage = reply.finished.usage
    assert grown("failsoft_tokens_total", gen_ai_token_type="output") == usage.output_tokens
    assert grown("vllm:generation_tokens_total") == usage.output_tokens
    assert grown("failsoft_tokens_total", gen_ai_token_type="input") == usage.input_tokens
    assert grown("vllm:prompt_tokens_total") == usage.input_tokens
    assert {"vllm:num_requests_running", "vllm:kv_cache_usage_perc"} <= after.names()
    assert after.value("failsoft_engine_info", gen_ai_provider_name="vllm") == 1
