"""A call's span says where it went, what was asked and what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import ChatRequest, Message, Role, Sampling, Text
from failsoft_model.walk import FinishReason, Usage
from failsoft_router.app.targets.call_attributes import call_attributes
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.ports import Ending

if TYPE_CHECKING:
    from services.router.tests.app.conftest import Stage

NOBODY = (None, None)


@pytest.mark.parametrize(
    ("provider", "endpoint", "server"),
    [
        (Provider.OPENAI, "https://api.openai.com/v1", ("api.openai.com", 443)),
        (Provider.ANTHROPIC, "http://proxy.local:8080", ("proxy.local", 8080)),
        (Provider.GEMINI, "http://[::1]/v1beta", ("::1", 80)),
        (Provider.FAILSOFT, "dns:///failsoft-local-llm:50051", ("failsoft-local-llm", 50051)),
        (Provider.FAILSOFT, "dns://10.0.0.1/llm:50051", ("llm", 50051)),
        (Provider.FAILSOFT, "127.0.0.1:50051", ("127.0.0.1", 50051)),
        (Provider.FAILSOFT, "ipv6:[::1]:50051", ("::1", 50051)),
        (Provider.FAILSOFT, "llm.example.com", ("llm.example.com", None)),
        (Provider.FAILSOFT, "unix:/run/llm.sock", NOBODY),
        (Provider.FAILSOFT, "ipv4:10.0.0.1:1,10.0.0.2:1", NOBODY),
    ],
)
def test_a_call_says_which_server_the_policy_names(
    provider: Provider, endpoint: str, server: tuple[str | None, int | None]
) -> None:
    target = TargetPolicy(name="a", provider=provider, model="m", endpoint=endpoint)

    attributes = call_attributes(target)

    assert (attributes.get("server.address"), attributes.get("server.port")) == server


@virtual_time.test
async def test_a_call_says_what_was_asked_for_but_not_in_which_words(stage: type[Stage]) -> None:
    router = stage(a=("hi", Ending(finish_reason=FinishReason.STOP, model="m")))
    sampling = Sampling(
        temperature=0.5, top_p=0.9, top_k=40, max_tokens=100, seed=7, stop=("canary",)
    )
    asked = Message(role=Role.USER, parts=(Text(text="hello"),))

    await router.ask(ChatRequest(model="chat", messages=(asked,), sampling=sampling))

    call = router.spans.one("chat a-model")
    prefix = "gen_ai.request."
    told = {name.removeprefix(prefix): value for name, value in call.attributes.items()}
    wanted = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "max_tokens": 100, "seed": 7}
    assert {name: told[name] for name in wanted} == wanted
    assert "presence_penalty" not in told
    assert "canary" not in repr(call)


@virtual_time.test
async def test_tokens_are_told_by_calls_alone(stage: type[Stage]) -> None:
    usage = Usage(input_tokens=9, output_tokens=8, cached_input_tokens=7, reasoning_tokens=6)
    router = stage(a=("hi", Ending(finish_reason=FinishReason.STOP, model="m", usage=usage)))

    await router.ask()

    tokens = {
        (span.name, name): value
        for span in router.spans.all()
        for name, value in span.attributes.items()
        if name.startswith("gen_ai.usage.")
    }
    assert tokens == {
        ("chat a-model", "gen_ai.usage.input_tokens"): 9,
        ("chat a-model", "gen_ai.usage.output_tokens"): 8,
        ("chat a-model", "gen_ai.usage.cache_read.input_tokens"): 7,
        ("chat a-model", "gen_ai.usage.reasoning.output_tokens"): 6,
    }
