"""What is asked, answered and shown is written down nowhere, and what is written is declared."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import pytest
from api_keys import write_keys
from canaries import BLOCK, Canary, Finding, found
from issuer import Issuer
from lookalike_process import lookalike
from overheard import Callers, Day, Words, policy, ways_to_fail
from span_collector import Heard
from watched_stack import Files, watched_stack

from failsoft_cache.telemetry import NAMES as CACHE_NAMES
from failsoft_kit.clock import SystemClock
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.telemetry import Name, NameRegistry
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_local_llm.telemetry import NAMES as LOCAL_LLM_NAMES
from failsoft_router.telemetry import NAMES as ROUTER_NAMES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

REQUEST_ID = "a-request-that-may-be-named"
"""Has to be found wherever requests are told of: so that place was filled, and was read."""

_NO_SUCH_USAGE = "no look-alike tells such tokens of these answers"
_NO_TENANTS = "tenants are not told apart unless they are configured"
_NO_CLUSTER = "there is no Kubernetes"
NOT_BROUGHT = {
    "span failsoft.breaker.transition": "a probe would have to outlast its hop",
    "attribute failsoft.cache.removed": "nobody invalidates answers",
    "attribute failsoft.engine.cached_tokens": "OpenVINO does not tell",
    "metric failsoft.tokens.cached": "OpenVINO does not tell",
    "attribute gen_ai.usage.cache_read.input_tokens": _NO_SUCH_USAGE,
    "attribute gen_ai.usage.reasoning.output_tokens": _NO_SUCH_USAGE,
    "metric failsoft.tenant.tokens": _NO_TENANTS,
    "metric failsoft.tenant.walks": _NO_TENANTS,
    "metric failsoft.endpoints": _NO_CLUSTER,
    "attribute failsoft.endpoint.state": _NO_CLUSTER,
}
"""Names that no day of this stack brings about, and why."""

SECRETS = ("user_key", "operator_key", "unknown_key", "token")
"""Those whose text others make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a day of a whole stack has left behind.

    Attributes:
        places: Everything that was written, by where.
        told: What an operator was told who asked.
    """

    words: Words
    places: Mapping[str, bytes]
    told: str
    heard: Heard


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    folder = tmp_path_factory.mktemp("written")
    issuer, keys = Issuer(), [ApiKey.new() for _ in range(3)]
    words, callers = _words_of(issuer, *keys)
    key_file, records, jwks = folder / "provider-key", folder / "api-keys", folder / "jwks"
    for file in (key_file, folder / "provider-key-refused"):
        file.write_text(words.provider_key.text)
    write_keys(records, {keys[0]: {}, keys[1]: {"tenant": "ops", "scopes": ["operator"]}})
    jwks.write_bytes(issuer.key_set("curve"))
    identity = {
        "identity__keys_file": str(records),
        "identity__jwt__issuer": "i",
        "identity__jwt__audience": "a",
        "identity__jwt__jwks_file": str(jwks),
    }
    with lookalike() as upstream:
        for model, fault in ways_to_fail(words).items():
            upstream.control.set_fault(fault, model=model)
        files = Files(
            policy=policy(upstream, str(key_file), words),
            identity=identity,
            valkey_password=words.valkey_password.text,
            service_token=words.service_token.text,
        )
        with watched_stack(folder, files) as stack:
            day = Day(
                words,
                callers,
                address=stack.address,
                admin_address=stack.admin_address,
                base_url=stack.base_url,
                request_id=REQUEST_ID,
            )
            asyncio.run(day.play())
            outside = stack.seen_from_outside()
        yield Evidence(
            words=words,
            places={**outside, **stack.written(), "what operators are told": day.told.encode()},
            told=day.told,
            heard=stack.collector.heard(registry()),
        )


def _words_of(
    issuer: Issuer, user: ApiKey, operator: ApiKey, unknown: ApiKey
) -> tuple[Words, Callers]:
    made = {each.name: Canary.new(each.name) for each in fields(Words) if each.name not in SECRETS}
    made["service_token"] = Canary(
        what="service_token", text=f"{made['service_token'].text}-and-so-long-as-it-has-to-be"
    )
    claims = {"iss": "i", "aud": "a", "tenant": "acme", "email": made["claim"].text}
    token = issuer.token({**claims, "exp": SystemClock().unix() + 600})
    shown = {
        "user_key": user.text.rpartition(user.id)[2],
        "operator_key": operator.text.rpartition(operator.id)[2],
        "unknown_key": unknown.text.rpartition(unknown.id)[2],
        "token": token.rpartition(".")[2],
    }
    words = Words(**made, **{what: Canary(what=what, text=text) for what, text in shown.items()})
    return words, Callers(user=user.text, token=token, operator=operator.text, unknown=unknown.text)


def test_nobodys_words_and_secrets_are_written_down(evidence: Evidence) -> None:
    """But for answers in Valkey: to keep them is what the cache is for."""
    assert found(evidence.words.all(), evidence.places) == {
        Finding(what="answer", place="Valkey's values")
    }


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ("log of failsoft_router", REQUEST_ID),
        ("log of failsoft_router", "walk.fell_back"),
        ("log of failsoft_router", "walk.failed"),
        ("log of failsoft_router", "breaker.changed"),
        ("log of failsoft_router", "gate.shut"),
        ("log of failsoft_router", "rpc.refused"),
        ("log of failsoft_router", "http.refused"),
        ("log of failsoft_cache", "rpc.answered"),
        ("log of failsoft_local_llm", REQUEST_ID),
        ("collector", REQUEST_ID),
        ("collector", "failsoft.rescue"),
        ("collector", "failsoft.walks"),
        ("metrics page of router", 'failsoft_hop_target="bare-error"'),
        ("metrics page of cache", "failsoft_cache_lookups_total"),
        ("metrics page of local-llm", "failsoft_engine_up"),
        ("ps of router", "FAILSOFT_ROUTER_POLICY_FILE"),
        ("ps of cache", "failsoft_cache"),
        ("ps of local-llm", "failsoft_local_llm"),
        ("Valkey's values", REQUEST_ID),
        ("Valkey's names", "failsoft"),
        ("what operators are told", REQUEST_ID),
    ],
)
def test_every_place_was_filled_and_read(evidence: Evidence, place: str, word: str) -> None:
    """A canary that is not found in an empty place says nothing."""
    assert word.encode() in evidence.places[place]


def test_every_line_of_a_log_says_where_it_comes_from(evidence: Evidence) -> None:
    """And what a request caused, whose it is."""
    lines = [json.loads(line) for line in evidence.places["log of failsoft_router"].splitlines()]
    assert {line["service"] for line in lines} == {"failsoft-router"}
    caused = [
        line
        for line in lines
        if line["event"] in ("walk.fell_back", "walk.failed", "breaker.changed", "gate.shut")
    ]
    ids = ("request_id", "trace_id", "span_id", "trace_flags")
    assert [line for line in caused if any(each not in line for each in ids)] == []
    assert REQUEST_ID in {line["request_id"] for line in caused}


def test_a_collector_gets_nothing_that_is_not_declared(evidence: Evidence) -> None:
    """The strict registry of other tests, for processes that have none."""
    assert evidence.heard.refused == set()


def test_what_is_declared_is_emitted_but_for_what_the_day_does_not_bring(
    evidence: Evidence,
) -> None:
    """A new name needs somebody who brings it about, or says why not."""
    declared = {f"{_kind(name)} {name.name}" for name in registry().names() if "{" not in name.name}
    assert declared - evidence.heard.names - NOT_BROUGHT.keys() == set()
    assert NOT_BROUGHT.keys() - declared == set()


def registry() -> NameRegistry:
    """Of everything that any service declares."""
    names = NameRegistry(strict=True)
    for each in (RPC_NAMES, PROCESS_NAMES, HTTP_NAMES, ROUTER_NAMES, CACHE_NAMES, LOCAL_LLM_NAMES):
        names.register(each)
    return names


def _kind(name: Name) -> str:
    return type(name).__name__.removesuffix("Name").lower()


WORD = Canary.new("word")


@pytest.mark.parametrize("shift", range(BLOCK))
@pytest.mark.parametrize("form", ["plain", "json", "base64", "urlsafe", "hex", "url"])
def test_a_word_that_is_written_down_is_found(form: str, shift: int) -> None:
    """Else nothing above would say anything."""
    place = {"a log": WORD.disguised(form, after=b"x" * shift, before=b"yz")}

    assert found([WORD], place) == {Finding(what="word", place="a log")}
    assert found([Canary.new("another")], place) == set()
