"""Every feature leaves for each provider in a form that it takes.

The look-alikes refuse what the providers would refuse. What a real model makes of it is
seen by `pytest -m live`.
"""

import os
from dataclasses import dataclass

import pytest
from router_under_test import Router, StartRouter, hop_words, openai_target
from wire_matrix import CAPABILITIES, CASES, Case

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_client.transcript import Transcript
from failsoft_upstream import Upstream

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A provider itself, and where its key is; `FAILSOFT_LIVE_<PROVIDER>_MODEL` names another
    model than the one that is asked.
    """

    provider: str
    model: str
    key: str

    @property
    def target(self) -> dict[str, object]:
        chosen = os.environ.get(f"FAILSOFT_LIVE_{self.provider.upper()}_MODEL", self.model)
        return {
            "provider": self.provider,
            "model": chosen,
            "credential": {"env": self.key},
            "capabilities": [*CAPABILITIES],
            "limits": {"first_content": "60s", "stall": "60s"},
        }


REAL = {
    "openai": Real(provider="openai", model="gpt-5.6-luna", key="OPENAI_API_KEY"),
    "anthropic": Real(provider="anthropic", model="claude-haiku-4-5", key="ANTHROPIC_API_KEY"),
    "gemini": Real(provider="gemini", model="gemini-flash-latest", key="GEMINI_API_KEY"),
}

CANNOT = {("anthropic", "JSON")}
"""Anthropic has no JSON without a schema, and is not asked for it."""


def provider(name: str, upstream: Upstream) -> dict[str, object]:
    """What makes a target that provider's."""
    match name:
        case "anthropic":
            return {"provider": name, "model": "claude-haiku-4-5", "endpoint": upstream.base_url}
        case "gemini":
            model, endpoint = "gemini-flash-latest", upstream.gemini_url
            return {"provider": name, "model": model, "endpoint": endpoint}
        case "openai":
            return {"model": "gpt-4.1-mini"}
        case _:
            return {"model": "gpt-5.6-luna"}


every_case = pytest.mark.parametrize(
    "case", [pytest.param(each, id=name) for name, each in CASES.items()]
)


as_stream = pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])


@every_case
@as_stream
@pytest.mark.parametrize("name", ["openai", "openai that reasons", "anthropic", "gemini"])
async def test_a_provider_takes_what_it_is_sent(
    start_router: StartRouter,
    first: Upstream,
    request: pytest.FixtureRequest,
    name: str,
    case: Case,
    *,
    stream: bool,
) -> None:
    target = openai_target(first, **provider(name, first), capabilities=[*CAPABILITIES])
    policy = {
        "targets": {"only": target},
        "routes": {"chat": {"default": True, "hops": ["only", "mock"]}},
        "tenants": {"default": {"allow_mock": True}},
    }
    router = await start_router(policy)

    reply = await (streamed if stream else asked)(router, case)

    outcome = hop_words(reply.finished.hops)[0]
    if (name, request.node.callspec.id.rpartition("-")[2]) in CANNOT:
        assert outcome == ("only", "FAILED", "UNSUPPORTED")
    else:
        assert outcome == ("only", "SERVED", "")


async def asked(router: Router, case: Case) -> pb.GenerateResponse:
    """The answer as a whole."""
    return await router.stub.Generate(pb.GenerateRequest(chat=case.request))


async def streamed(router: Router, case: Case) -> pb.GenerateResponse:
    """The answer put together from its pieces."""
    transcript = Transcript()
    async for event in router.stub.StreamGenerate(pb.StreamGenerateRequest(chat=case.request)):
        transcript.apply(event)
    whole = transcript.response()
    assert whole is not None
    return whole


@pytest.mark.live
@pytest.mark.timeout(300)
@every_case
@as_stream
@pytest.mark.parametrize("name", list(REAL))
async def test_a_real_model_shows_that_it_was_understood(
    start_router: StartRouter, name: str, case: Case, *, stream: bool
) -> None:
    """Costs money: some cents for each provider whose key is given."""
    real = REAL[name]
    if not os.environ.get(real.key):
        pytest.skip(f"no key in {real.key}")
    policy = {
        "targets": {"only": real.target},
        "routes": {"chat": {"default": True, "hops": ["only"]}},
    }
    router = await start_router(policy, environ=os.environ)

    reply = await (streamed if stream else asked)(router, case)

    assert reply.finished.usage.output_tokens > 0
    assert case.shows(reply), reply
