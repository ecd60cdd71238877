"""Whatever somebody writes into the policy's file is a policy or is refused, never a crash.

A router that runs reads every edit; one that it cannot even refuse would end it.
"""

from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from failsoft_kit.settings import SettingsError
from failsoft_kit.settings.document import Trail
from failsoft_router.adapters.policy_file import parse_policy
from failsoft_router.core.policy import Policy

WHOLE = """
targets:
  cloud:
    provider: openai
    model: m
    endpoint: http://10.0.0.7:8000/v1/
    allow_private: true
    credential: {file: secrets/key, env: KEY}
    context_tokens: 4000
    capabilities: [tools]
    limits: {connect: 3s, first_content: 10s, stall: 15s, total: 600s}
    breaker: {window: 30s, failure_ratio: 0.25, minimum_calls: 20, probes: 1}
    concurrency: 4
  ours: {provider: failsoft, endpoint: "dns:///failsoft-local-llm:50051", model: m, kind: gpu}
routes:
  chat:
    serves: ["gpt-*"]
    default: true
    hops: [cloud, ours, cache, mock]
    cache: {fresh_for: 5m, epoch: 7, fresh_hits: always}
tenants:
  acme: {prefer: {chat: [ours]}, no_external: false}
"""

words = st.sampled_from(
    [
        "",
        "*",
        "chat",
        "cloud",
        "mock",
        "3s",
        "-1s",
        "1e999s",
        "http://[::1",
        "http://a b/",
        "dns:///",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text() | st.dates()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(words | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: object, trail: Trail = ()) -> list[Trail]:
    """The way to every value in a document, the top one too."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [trail, *(found for key, each in inner for found in places(each, (*trail, key)))]


def put(document: object, trail: Trail, value: object) -> object:
    """The document with another value at a place."""
    if not trail:
        return value
    assert isinstance(document, dict | list)
    step, *rest = trail
    document[step] = put(document[step], tuple(rest), value)  # type: ignore[index] # it is there
    return document


@settings(deadline=None)
@given(trail=st.sampled_from(places(yaml.safe_load(WHOLE))), value=values)
def test_any_value_at_any_place_is_taken_or_refused(trail: Trail, value: object) -> None:
    document = put(yaml.safe_load(WHOLE), trail, value)

    assert is_taken_or_refused(yaml.safe_dump(document, allow_unicode=True).encode())


@settings(deadline=None)
@given(end=st.integers(min_value=0, max_value=len(WHOLE)))
def test_half_a_file_is_taken_or_refused(end: int) -> None:
    assert is_taken_or_refused(WHOLE[:end].encode())


@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(content: bytes) -> None:
    assert is_taken_or_refused(content)


def is_taken_or_refused(content: bytes) -> bool:
    try:
        return isinstance(parse_policy(content, file=Path("/policy.yaml")), Policy)
    except SettingsError as refusal:
        return len(refusal.problems) > 0
