"""An answer that breaks off is gone on with in every dialect, over real sockets."""

from collections.abc import Mapping

import aiohttp
import orjson
import pytest
from router_under_test import Router, StartRouter, hop_words, openai_target

from failsoft.inference.v1 import chat_pb2
from failsoft_upstream import Upstream, faults
from failsoft_upstream.faults import Resumption

pytestmark = pytest.mark.integration

QUESTION = "What is the capital of France?"
ENVIRON = {"A_KEY": "a-key"}
NEXT: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "openai": ("gpt-5-nano", {}),
    "openai-compatible": ("mistral-small", {"capabilities": ["continue"]}),
    "anthropic": ("claude-haiku-4-5", {"provider": "anthropic"}),
    "anthropic-new": ("claude-sonnet-5", {"provider": "anthropic"}),
    "gemini": ("gemini-2.5-flash", {"provider": "gemini"}),
}
"""The second target's model, and what is special about it; the first one tells the same answer."""


def policy(first: Upstream, second: Upstream, dialect: str) -> Mapping[str, object]:
    model, special = NEXT[dialect]
    endpoint = second.gemini_url if dialect == "gemini" else second.base_url
    key = {"credential": {"env": "A_KEY"}}
    return {
        "targets": {
            "first": openai_target(first, model=model),
            "second": openai_target(second, model=model, endpoint=endpoint, **key, **special),
        },
        "routes": {"chat": {"default": True, "hops": ["first", "second"], "cache": None}},
    }


@pytest.mark.parametrize(
    "fault",
    [
        faults.Resume(),
        faults.Resume(how=Resumption.OVER),
        faults.Resume(how=Resumption.ON, begun=False),
    ],
    ids=["goes on", "starts over", "refuses a begun turn"],
)
@pytest.mark.parametrize("dialect", NEXT)
async def test_an_answer_that_breaks_off_is_gone_on_with(
    start_router: StartRouter, first: Upstream, second: Upstream, dialect: str, fault: faults.Fault
) -> None:
    router = await start_router(policy(first, second, dialect), environ=ENVIRON)
    whole = (await router.stream(QUESTION)).text
    await first.set_fault(faults.Cut(after=6))
    await second.set_fault(fault)

    streamed = await router.stream(QUESTION)
    over_http = await asked_over_http(router)

    assert streamed.error is None
    assert streamed.text == over_http == whole
    assert not any(event.HasField("stream_reset") for event in streamed.events)
    assert hop_words(streamed.finished.hops) == [
        ("first", "FAILED", "TRUNCATED"),
        ("second", "SERVED", ""),
    ]
    assert streamed.finished.served_by == "second"
    assert streamed.finished.degradation == chat_pb2.DEGRADATION_FALLBACK_TARGET


async def asked_over_http(router: Router) -> str:
    """The text as an OpenAI client adds it up."""
    body = {"model": "chat", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    text = ""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{router.base_url}/chat/completions", json=body) as response,
    ):
        assert response.status == 200
        async for line in response.content:
            data = line.removeprefix(b"data:").strip()
            if not line.startswith(b"data:") or data == b"[DONE]":
                continue
            chunk = orjson.loads(data)
            assert "error" not in chunk
            text += "".join(each["delta"].get("content") or "" for each in chunk["choices"])
    return text
