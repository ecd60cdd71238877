"""The tokens of a trace are those that the providers have counted, each of them once."""

import aiohttp
import pytest
from router_under_test import Router

from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

PREFIX = "gen_ai.usage."


async def ask_over_http(router: Router, *, stream: bool) -> None:
    messages = [{"role": "user", "content": "What is soft?"}]
    body = {"model": "chat", "messages": messages, "stream": stream}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{router.base_url}/chat/completions", json=body) as reply,
    ):
        assert reply.status == 200
        await reply.read()


async def test_the_tokens_of_all_attempts_are_what_the_providers_have_counted(
    router: Router, first: Upstream, second: Upstream
) -> None:
    await router.ask()
    read_by_first = first.meter.tokens_in
    await first.set_fault(faults.Status(status=500))
    await router.ask("What is softer than soft?")
    await router.stream()
    for stream in (False, True):
        await ask_over_http(router, stream=stream)
    await router.spans.until(lambda: len(router.spans.named("failsoft.walk")) == 5)

    tokens = {"input_tokens": 0, "output_tokens": 0}
    for span in router.spans.all():
        told = {
            name.removeprefix(PREFIX): value
            for name, value in span.attributes.items()
            if name.startswith(PREFIX) and isinstance(value, int)
        }
        assert not told or span.name.startswith("chat ")
        for name in tokens:
            tokens[name] += told.get(name, 0)

    assert len(router.spans.named("chat gpt-5-mini")) == 5
    assert len(router.spans.named("chat gpt-5-nano")) == 4
    assert tokens == {
        "input_tokens": read_by_first + second.meter.tokens_in,
        "output_tokens": first.meter.tokens_out + second.meter.tokens_out,
    }
