"""Whatever is in a policy's file: it is a policy, or a list of what is wrong with it."""

from pathlib import Path

import pytest
import yaml

from failsoft_kit.settings import SettingsError
from failsoft_model.walk import Capability
from failsoft_router.adapters.policy_file import parse_policy
from failsoft_router.core.policy import Policy, TenantLimits

SMALLEST = """
targets:
  a: {provider: openai, model: m}
routes:
  chat: {hops: [a]}
"""

FILE = Path("policy.yaml")


def parse(text: str, *, own_address: str = "", own_http_address: str = "") -> Policy:
    return parse_policy(
        text.encode(), file=FILE, own_address=own_address, own_http_address=own_http_address
    )


def problems(text: str, *, own_address: str = "", own_http_address: str = "") -> set[str]:
    with pytest.raises(SettingsError) as refusal:
        parse(text, own_address=own_address, own_http_address=own_http_address)
    return set(refusal.value.problems)


def target(written: str) -> str:
    """The smallest policy, with more said of its target."""
    return SMALLEST.replace("model: m", f"model: m, {written}")


# Out of range.


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("breaker: {failure_ratio: .nan}", "breaker.failure_ratio"),
        ("breaker: {slow_ratio: .inf}", "breaker.slow_ratio"),
        ("breaker: {slow_ratio: -.inf}", "breaker.slow_ratio"),
        ("context_tokens: .nan", "context_tokens"),
        ("context_tokens: 1.5", "context_tokens"),
        ("context_tokens: 1000000001", "context_tokens"),
        (f"context_tokens: 0x{'f' * 5000}", "context_tokens"),
        ("concurrency: .inf", "concurrency"),
        ("concurrency: 0", "concurrency"),
        ("concurrency: -1", "concurrency"),
        ("concurrency: 99999999999999999999", "concurrency"),
        ("attempts: 3", "attempts"),
        ("limits: {connect: 0ms}", "limits.connect"),
        ("limits: {connect: -1s}", "limits.connect"),
        ("limits: {connect: infs}", "limits.connect"),
        ("limits: {connect: 1e3s}", "limits.connect"),
        (f"limits: {{stall: {'9' * 400}s}}", "limits.stall"),
        ("limits: {stall: 61m}", "limits.stall"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(written: str, path: str) -> None:
    (problem,) = problems(target(written))

    assert problem.startswith(f"`targets.a.{path}` (policy.yaml, line 3) must ")
    assert len(problem) < 250


@pytest.mark.parametrize(
    "written",
    ["deadline: 0s", "deadline: 2h", "cache: {fresh_for: -1s}", "cache: {epoch: 99999999999}"],
)
def test_a_routes_number_out_of_range_is_refused(written: str) -> None:
    (problem,) = problems(SMALLEST.replace("hops: [a]", f"hops: [a], {written}"))

    assert "(policy.yaml, line 5) must " in problem


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (
            "first_content: 20s, total: 5s",
            "`targets.a.limits.first_content` (policy.yaml, line 3) is longer than `total`,"
            " which is 5s",
        ),
        (
            "total: 9s",
            "`targets.a.limits.total` (policy.yaml, line 3) is shorter than `first_content`,"
            " which is 10s",
        ),
        (
            "connect: 11m",
            "`targets.a.limits.connect` (policy.yaml, line 3) is longer than `total`, which is 10m",
        ),
    ],
)
def test_a_limit_that_could_never_be_reached_is_refused(limits: str, problem: str) -> None:
    assert problem in problems(target(f"limits: {{{limits}}}"))


@pytest.mark.parametrize("limits", ["first_content: 5s, total: 5s", "stall: 20s, total: 10s"])
def test_limits_that_can_be_reached_are_not(limits: str) -> None:
    assert parse(target(f"limits: {{{limits}}}")).targets["a"].limits.total >= 5.0


# Names.


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "ä", "x" * 129])
def test_a_name_that_is_no_word_in_a_log_is_refused(name: str) -> None:
    policy = {
        "targets": {name: {"provider": "openai", "model": "m"}},
        "routes": {name: {"hops": [name]}},
    }
    told = problems(yaml.safe_dump(policy))

    assert sum("must be named by 1 to 128 of ASCII" in problem for problem in told) == 2


@pytest.mark.parametrize("name", ["gpt-4.1", "meta/llama-3:8b", "x" * 128])
def test_what_models_are_called_is_a_name(name: str) -> None:
    assert list(parse(SMALLEST.replace("chat:", f'"{name}":')).routes) == [name]


@pytest.mark.parametrize("name", ["Acme", "a.b", "-a", "x" * 64])
def test_a_tenant_that_can_never_ask_is_refused(name: str) -> None:
    """Its preferences would silently be nobody's."""
    (problem,) = problems(f"{SMALLEST}tenants: {{{name}: {{allow_mock: true}}}}\n")

    assert "can be no tenant's name: it matches [a-z0-9]" in problem


def test_of_many_names_a_few_are_listed() -> None:
    targets = {f"t{number}": {"provider": "openai", "model": "m"} for number in range(1000)}
    policy = {"targets": targets, "routes": {"chat": {"hops": ["nobody"]}}}
    (problem,) = problems(yaml.safe_dump(policy))

    assert "known are `t0`, `t1`, " in problem
    assert problem.endswith(" and 982 more")


# A target that is the router itself.


@pytest.mark.parametrize("endpoint", ["127.0.0.1:50050", "dns:///localhost:50050"])
def test_a_router_that_is_its_own_target_is_refused_with_the_next_step(endpoint: str) -> None:
    text = SMALLEST.replace(
        "{provider: openai, model: m}",
        f'{{provider: failsoft, model: chat, endpoint: "{endpoint}"}}',
    )

    assert parse(text, own_address="127.0.0.1:50051").targets["a"].endpoint == endpoint
    assert problems(text, own_address="127.0.0.1:50050") == {
        "`targets.a.endpoint` (policy.yaml, line 3) is this router's own `router.address`, where"
        " its requests would go in a circle; name another router, or local-llm"
    }


@pytest.mark.parametrize(
    ("endpoint", "own"),
    [
        ("http://127.0.0.1:50080/v1", "127.0.0.1:50080"),
        ("http://localhost:50080/v1", "127.0.0.1:50080"),
        ("http://127.0.0.1/v1", "127.0.0.1:80"),
    ],
)
def test_a_router_that_is_its_own_provider_is_refused(endpoint: str, own: str) -> None:
    """Its requests would go round until their deadlines, and more of them with each."""
    text = SMALLEST.replace(
        "{provider: openai, model: m}",
        f'{{provider: openai, model: m, allow_private: true, endpoint: "{endpoint}"}}',
    )

    assert parse(text, own_http_address="127.0.0.1:50081").targets["a"].endpoint == endpoint
    assert problems(text, own_http_address=own) == {
        "`targets.a.endpoint` (policy.yaml, line 3) is this router's own `router.http_address`,"
        " where its requests would go in a circle; name a provider, or another router by"
        " `provider: failsoft`"
    }


# Shapes.

LOL = "x0: &x0 [lol, lol, lol]\n" + "".join(
    f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
"""Nine to the eleventh texts, in a thousand bytes."""

MERGES = "x0: &x0 {a: 1}\n" + "".join(
    f"x{level}: &x{level} {{<<: [{', '.join([f'*x{level - 1}'] * 9)}]}}\n" for level in range(1, 12)
)
"""As many keys, each of them copied."""


@pytest.mark.parametrize(
    "text",
    [
        LOL + SMALLEST,
        LOL + SMALLEST.replace("model: m", "model: *x11"),
        LOL + SMALLEST.replace("model: m", "model: m, breaker: *x11, limits: *x11"),
        LOL + SMALLEST.replace("hops: [a]", "hops: *x11, serves: *x11"),
        LOL + SMALLEST + "tenants: {t: {prefer: {chat: *x11}}}\n",
        MERGES + SMALLEST,
        "targets: &t {a: *t}\nroutes: {chat: {hops: [a]}}\n",
        "targets: {a: {provider: openai, model: m}}\nroutes: {chat: {hops: &h [*h]}}\n",
        "targets: " + "[" * 10_000 + "]" * 10_000,
        "".join(" " * level + "a:\n" for level in range(2000)),
        "targets: !!python/object/apply:os.system ['true']\n",
        "targets: !!binary aGVsbG8=\n",
        "routes: {}\n",
        "targets: {a: {provider: openai, model: m}}\nroutes: {}\n",
        "targets: {a: {provider: openai, model: m}}\nroutes: {chat: {hops: []}}\n",
        "targets:\nroutes:\n",
        f"{SMALLEST}---\n{SMALLEST}",
        "targets: {a: {provider: openai, model: [m]}, b: {provider: openai, model: {m: m}}}",
    ],
)
def test_what_is_no_policy_is_refused_at_once_and_in_few_words(text: str) -> None:
    """Within the limit of every test: some of these would take hours, or all memory."""
    told = problems(text)

    assert told
    assert sum(map(len, told)) < 20_000


def test_an_anchor_that_is_used_twice_is_no_bomb() -> None:
    policy = parse(
        "targets:\n"
        "  a: &a {provider: openai, model: m, limits: &l {first_content: 5s}}\n"
        "  b: {<<: *a, model: n, limits: {<<: *l, stall: 1s}}\n"
        "routes: {chat: {hops: [a, b]}}\n"
    )

    assert policy.targets["b"].limits.first_content == 5.0


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd", b"\x00", b"targets: \xe9\n"])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(SettingsError, match="is not valid YAML"):
        parse_policy(content, file=FILE)


# Breakers, and how often a target is called.


def twins(first: str, second: str) -> str:
    """Two targets of one endpoint and model."""
    return f"""
targets:
  a: {{provider: openai, model: m, {first}}}
  b: {{provider: openai, model: m, {second}}}
routes:
  chat: {{hops: [a, b]}}
"""


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        ("breaker: {open_for: 4s}", "breaker: {open_for: 5s}", "breaker"),
        ("breaker: {open_for: 4s}", "context_tokens: 9", "model"),
        ("kind: remote", "kind: gpu", "kind"),
        ('endpoint: "https://api.openai.com/v1/"', "breaker: {probes: 2}", "breaker"),
    ],
)
def test_targets_that_share_a_breaker_cannot_differ_in_it(
    first: str, second: str, where: str
) -> None:
    (problem,) = problems(twins(first, second))

    assert problem.startswith(f"`targets.b.{where}`")
    assert "gives it another breaker than `a`" in problem


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("breaker: {open_for: 4s}", "breaker: {open_for: 4000ms}"),
        ("breaker: {open_for: 5s}", "context_tokens: 9"),
        ("kind: gpu", "kind: gpu, breaker: {open_cap: 30s}"),
        ("breaker: {open_for: 4s}", 'endpoint: "https://other.example.com/v1"'),
    ],
)
def test_one_breaker_may_be_written_in_two_ways(first: str, second: str) -> None:
    """What is written was compared, and not what it says."""
    assert parse(twins(first, second)).targets


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (
            "breaker: {open_for: 20s}",
            "`targets.a.breaker.open_for` (policy.yaml, line 3) is longer",
        ),
        (
            "breaker: {open_cap: 4s}",
            "`targets.a.breaker.open_cap` (policy.yaml, line 3) is shorter",
        ),
        ("breaker: {open_for: 9s, open_cap: 8s}", "`targets.a.breaker.open_for`"),
        ("kind: gpu, breaker: {open_for: 31s}", "is longer than `open_cap`, which is 30s"),
        ("kind: gpu, attempts: 2", "`targets.a.attempts` (policy.yaml, line 3) is more than the 1"),
    ],
)
def test_what_would_never_come_true_is_refused(written: str, complaint: str) -> None:
    """It was taken silently, and something else happened."""
    (problem,) = problems(target(written))

    assert complaint in problem


def test_a_gpu_target_may_be_open_for_longer() -> None:
    assert parse(target("kind: gpu, attempts: 1, breaker: {open_for: 20s}")).targets


# Tenants.


def denying(names: str) -> str:
    return f"{SMALLEST}tenants:\n  acme: {{deny: {names}}}\n"


def test_a_tenant_may_deny_targets_and_providers() -> None:
    assert parse(denying("[a, failsoft]")).tenant("acme").deny == {"a", "failsoft"}


def test_a_denial_of_what_is_not_there_is_refused() -> None:
    """It denied nothing."""
    (problem,) = problems(denying("[a, opanai]"))

    assert problem == (
        "`tenants.acme.deny[1]` (policy.yaml, line 7) names `opanai`, which is no target and no"
        " provider; known are `a`, `openai`, `anthropic`, `gemini`, `failsoft`"
    )


def limiting(limits: str) -> str:
    return f"{SMALLEST}tenants:\n  acme: {{limits: {limits}}}\n"


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        ("{requests_per_minute: 600}", TenantLimits(requests_per_minute=600, burst=100)),
        ("{requests_per_minute: 5}", TenantLimits(requests_per_minute=5, burst=1)),
        (
            "{requests_per_minute: 5, burst: 9, concurrent: 3}",
            TenantLimits(requests_per_minute=5, burst=9, concurrent=3),
        ),
        ("{concurrent: 3}", TenantLimits(concurrent=3)),
    ],
)
def test_a_tenant_may_be_limited(written: str, limits: TenantLimits) -> None:
    assert parse(limiting(written)).tenant("acme").limits == limits
    assert parse(limiting(written)).tenant("globex").limits is None


@pytest.mark.parametrize(
    ("written", "place", "wrong"),
    [
        ("{}", "limits", "must have `requests_per_minute` or `concurrent`"),
        ("{burst: 5}", "limits.burst", "needs `requests_per_minute` beside it"),
        ("{burst: 5, concurrent: 1}", "limits.burst", "needs `requests_per_minute` beside it"),
        ("{requests_per_minute: 0}", "limits.requests_per_minute", "must be greater than"),
        ("{requests_per_minute: 1.5}", "limits.requests_per_minute", "must be a valid integer"),
        ("{concurrent: 0}", "limits.concurrent", "must be greater than"),
        ("{rate: 5}", "limits.rate", "is unknown"),
        ("5", "limits", "must be a valid"),
    ],
)
def test_limits_that_limit_nothing_are_refused(written: str, place: str, wrong: str) -> None:
    (problem,) = problems(limiting(written))

    assert problem.startswith(f"`tenants.acme.{place}` (policy.yaml, line 7) ")
    assert wrong in problem


# Capabilities that the provider cannot have.


@pytest.mark.parametrize("endpoint", ["", "endpoint: 'https://api.openai.com/v1', "])
@pytest.mark.parametrize("capability", ["regex", "choice"])
def test_openai_itself_has_no_regex_and_no_choice(endpoint: str, capability: str) -> None:
    """A request would be refused there, or answered in any words."""
    written = target(f"{endpoint}capabilities: [logprobs, {capability}]")

    (problem,) = problems(written)
    assert f"names `{capability}`, which OpenAI's own API does not have" in problem


@pytest.mark.parametrize(
    ("endpoint", "api"),
    [
        ("https://api.groq.com/openai/v1", "Groq's API"),
        ("https://api.mistral.ai/v1", "Mistral's API"),
    ],
)
@pytest.mark.parametrize("capability", ["logprobs", "logit_bias", "regex"])
def test_who_refuses_probabilities_cannot_be_said_to_have_them(
    endpoint: str, api: str, capability: str
) -> None:
    written = target(f"endpoint: '{endpoint}', capabilities: [tools, {capability}]")

    (problem,) = problems(written)
    assert f"names `{capability}`, which {api} does not have" in problem


@pytest.mark.parametrize(
    "capability", ["logprobs", "top_logprobs", "logit_bias", "regex", "choice"]
)
def test_anthropic_has_nothing_of_tokens_and_no_regex_or_choice(capability: str) -> None:
    """Its format has no field for them: a request would be answered as if it had not asked."""
    lines = target(f"capabilities: [tools, {capability}, continue]")

    (problem,) = problems(lines.replace("provider: openai", "provider: anthropic"))
    assert f"capabilities[1]` (policy.yaml, line 3) names `{capability}`" in problem
    assert problem.endswith("which Anthropic's API does not have")


@pytest.mark.parametrize("capability", ["regex", "logit_bias"])
def test_gemini_has_no_regex_and_no_biases(capability: str) -> None:
    """Its format has no field for them: a request would be answered as if it had not asked."""
    lines = target(f"capabilities: [logprobs, {capability}, choice]")

    (problem,) = problems(lines.replace("provider: openai", "provider: gemini"))
    assert f"capabilities[1]` (policy.yaml, line 3) names `{capability}`" in problem
    assert problem.endswith("which Gemini's API does not have")


def test_a_server_that_speaks_like_openai_may_have_more() -> None:
    written = target("endpoint: 'https://vllm.example.com/v1', capabilities: [regex, choice]")

    assert parse(written).targets["a"].capabilities == {Capability.REGEX, Capability.CHOICE}
