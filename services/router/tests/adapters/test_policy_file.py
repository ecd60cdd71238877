"""A policy is right as a whole, or refused with every mistake, each with its path and line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from failsoft_kit.settings import SettingsError
from failsoft_model.walk import Capability
from failsoft_router.adapters.policy_file import ANTHROPIC_URL, GEMINI_URL, OPENAI_URL, load_policy
from failsoft_router.core.policy import (
    GPU_BREAKER,
    REMOTE_BREAKER,
    BreakerPolicy,
    CachePolicy,
    CredentialSource,
    FreshHits,
    Limits,
    Midstream,
    Policy,
    Provider,
    RoutePolicy,
    TargetKind,
    TargetPolicy,
    TenantPolicy,
)

EXAMPLE = """
targets:
  openai-mini:
    provider: openai
    model: gpt-5-mini
    credential: {file: secrets/openai}
    context_tokens: 400000
    capabilities: [tools, json_schema, vision]
    limits: {connect: 3s, first_content: 10s, stall: 15s, total: 600s}
    breaker: {window: 30s, failure_ratio: 0.25, slow_ratio: 0.9, minimum_calls: 20, open_cap: 20s}
  compatible:
    provider: openai
    endpoint: http://10.0.0.7:8000/v1/
    allow_private: true
    model: mistral
    credential: {env: COMPATIBLE_KEY}
    external: false
  local-llama: {provider: failsoft, endpoint: "dns:///failsoft-local-llm:50051", model: llama-8b,
                kind: gpu, breaker: {consecutive_failures: 2}}
routes:
  chat:
    serves: ["gpt-*", "claude-*"]
    default: true
    hops: [openai-mini, compatible, local-llama, cache, mock]
    midstream: restart
    deadline: 2m
    cache: {fresh_for: 5m, stale_if_error: 24h, epoch: 7, fresh_hits: always}
  code:
    hops: [local-llama]
    midstream: fail
    content_filter_falls_back: true
    cache: null
tenants:
  acme: {prefer: {chat: [local-llama, openai-mini]}, no_external: false, allow_mock: true,
         allow_stale: false}
"""

SMALLEST = """
targets:
  a: {provider: openai, model: m}
routes:
  chat: {hops: [a]}
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Policy]:
    """Reads a policy that is in a file of its own."""

    def from_text(text: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(text)
        return load_policy(file)

    return from_text


@pytest.fixture
def problems(load: Callable[[str], Policy], tmp_path: Path) -> Callable[[str], set[str]]:
    """What is said about a policy that is refused, without the folder's name."""

    def of_text(text: str) -> set[str]:
        with pytest.raises(SettingsError) as refusal:
            load(text)
        told = [problem.replace(f"{tmp_path}/", "") for problem in refusal.value.problems]
        assert len(set(told)) == len(told)
        return set(told)

    return of_text


# Good ones.


def test_a_policy_becomes_frozen_values(load: Callable[[str], Policy], tmp_path: Path) -> None:
    assert load(EXAMPLE) == Policy(
        targets={
            "openai-mini": TargetPolicy(
                name="openai-mini",
                provider=Provider.OPENAI,
                model="gpt-5-mini",
                endpoint=OPENAI_URL,
                credential=CredentialSource(file=str(tmp_path / "secrets/openai")),
                context_tokens=400_000,
                capabilities=frozenset(
                    {Capability.TOOLS, Capability.JSON_SCHEMA, Capability.VISION}
                ),
                limits=Limits(connect=3.0, first_content=10.0, stall=15.0, total=600.0),
                breaker=BreakerPolicy(
                    window=30.0,
                    failure_ratio=0.25,
                    slow_ratio=0.9,
                    minimum_calls=20,
                    open_cap=20.0,
                ),
            ),
            "compatible": TargetPolicy(
                name="compatible",
                provider=Provider.OPENAI,
                model="mistral",
                endpoint="http://10.0.0.7:8000/v1",
                credential=CredentialSource(env="COMPATIBLE_KEY"),
                external=False,
                allow_private=True,
            ),
            "local-llama": TargetPolicy(
                name="local-llama",
                provider=Provider.FAILSOFT,
                model="llama-8b",
                endpoint="dns:///failsoft-local-llm:50051",
                kind=TargetKind.GPU,
                attempts=1,
                breaker=BreakerPolicy(
                    open_cap=30.0, probes=1, good_probes=1, consecutive_failures=2
                ),
                external=False,
            ),
        },
        routes={
            "chat": RoutePolicy(
                name="chat",
                hops=("openai-mini", "compatible", "local-llama", "cache", "mock"),
                serves=("gpt-*", "claude-*"),
                default=True,
                deadline=120.0,
                midstream=Midstream.RESTART,
                cache=CachePolicy(
                    fresh_for=300.0,
                    stale_if_error=86400.0,
                    epoch=7,
                    fresh_hits=FreshHits.ALWAYS,
                ),
            ),
            "code": RoutePolicy(
                name="code",
                hops=("local-llama",),
                midstream=Midstream.FAIL,
                content_filter_falls_back=True,
                cache=None,
            ),
        },
        tenants={
            "acme": TenantPolicy(
                prefer={"chat": ("local-llama", "openai-mini")},
                allow_mock=True,
                allow_stale=False,
            )
        },
    )


def test_the_smallest_policy_has_every_default(load: Callable[[str], Policy]) -> None:
    """The defaults are written twice, for the file and for code: they have to agree."""
    policy = load(SMALLEST)

    assert policy == Policy(
        targets={
            "a": TargetPolicy(name="a", provider=Provider.OPENAI, model="m", endpoint=OPENAI_URL)
        },
        routes={"chat": RoutePolicy(name="chat", hops=("a",))},
    )
    assert policy.targets["a"].breaker == REMOTE_BREAKER
    assert policy.tenant("anybody") == TenantPolicy()


def test_anthropics_own_models_have_tools_schemas_and_eyes(load: Callable[[str], Policy]) -> None:
    policy = load(SMALLEST.replace("provider: openai", "provider: anthropic"))

    assert policy.targets["a"] == TargetPolicy(
        name="a",
        provider=Provider.ANTHROPIC,
        model="m",
        endpoint=ANTHROPIC_URL,
        capabilities=frozenset({Capability.TOOLS, Capability.JSON_SCHEMA, Capability.VISION}),
    )


@pytest.mark.parametrize(
    "fields", ["capabilities: []", "endpoint: 'https://models.example.org/anthropic/v1'"]
)
def test_what_is_written_or_served_elsewhere_is_assumed_nothing_of(
    load: Callable[[str], Policy], fields: str
) -> None:
    written = f"provider: anthropic, {fields}"

    policy = load(SMALLEST.replace("provider: openai", written))

    assert policy.targets["a"].capabilities == frozenset()


def test_gemini_is_where_google_serves_it(load: Callable[[str], Policy]) -> None:
    policy = load(SMALLEST.replace("provider: openai", "provider: gemini"))

    assert policy.targets["a"] == TargetPolicy(
        name="a", provider=Provider.GEMINI, model="m", endpoint=GEMINI_URL
    )


def test_googles_own_geminis_have_tools_schemas_and_eyes(load: Callable[[str], Policy]) -> None:
    written = SMALLEST.replace(
        "provider: openai, model: m", "provider: gemini, model: gemini-3-pro"
    )
    elsewhere = written.replace("model: ", "endpoint: 'https://models.example.org/v1', model: ")

    assert load(written).targets["a"].capabilities == {
        Capability.TOOLS,
        Capability.JSON_SCHEMA,
        Capability.VISION,
    }
    assert load(elsewhere).targets["a"].capabilities == frozenset()


def test_a_gpu_target_is_probed_more_gently(load: Callable[[str], Policy]) -> None:
    policy = load(SMALLEST.replace("model: m", "model: m, kind: gpu"))

    assert policy.targets["a"].breaker == GPU_BREAKER


def test_an_absolute_credential_file_stays_where_it_is(load: Callable[[str], Policy]) -> None:
    policy = load(SMALLEST.replace("model: m", "model: m, credential: {file: /run/secrets/key}"))

    assert policy.targets["a"].credential == CredentialSource(file="/run/secrets/key")


def test_a_target_that_needs_no_credential_may_say_so(load: Callable[[str], Policy]) -> None:
    policy = load(SMALLEST.replace("model: m", "model: m, credential: null"))

    assert policy.targets["a"].credential is None


@pytest.mark.parametrize(
    ("endpoint", "external"),
    [
        ("dns:///failsoft-local-llm:50051", False),
        ("127.0.0.1:50051", False),
        ("kubernetes:///models/failsoft-local-llm:grpc", False),
        ("dns:///failsoft.example.com:50051", True),
    ],
)
def test_a_service_of_ours_is_trusted_where_its_endpoint_is_ours(
    load: Callable[[str], Policy], endpoint: str, *, external: bool
) -> None:
    """Our token goes to whatever is not external."""
    text = SMALLEST.replace("openai, model: m", f'failsoft, model: m, endpoint: "{endpoint}"')

    assert load(text).targets["a"].external is external


def test_a_target_outside_is_ours_where_the_policy_says_so(load: Callable[[str], Policy]) -> None:
    endpoint = "dns:///failsoft.example.com:50051"
    text = SMALLEST.replace(
        "openai, model: m", f'failsoft, model: m, endpoint: "{endpoint}", external: false'
    )

    assert load(text).targets["a"].external is False


# Bad ones.


def test_only_the_mock_may_follow_the_cache(problems: Callable[[str], set[str]]) -> None:
    """A target behind it would be asked only where nothing is stored."""
    (problem,) = problems(SMALLEST.replace("hops: [a]", "hops: [cache, a, mock]"))

    assert problem.endswith("comes after `cache`, which only `mock` may follow")


BAD = """\
targets:
  mini:
    provider: opanai
    modle: gpt-5-mini
    limits: {connect: 3, stall: -1s}
  home:
    provider: failsoft
    model: llama
  plain:
    provider: openai
    model: m
    endpoint: http://127.0.0.1:9/v1
    credential: {}
  cache:
    provider: openai
    model: m
routes:
  chat:
    serves: [gpt-*, "*-mini"]
    hops: [mini, mini, nobody, mock, home]
    default: true
  other:
    serves: [gpt-5-*]
    default: true
    hops: []
tenants:
  acme:
    prefer: {talk: [mini], chat: [plain, mock]}
    allow_mock: perhaps
"""


def test_every_mistake_is_told_at_once_with_its_path_and_line(
    problems: Callable[[str], set[str]],
) -> None:
    assert problems(BAD) == {
        "`targets.mini.provider` (policy.yaml, line 3) must be 'openai', 'anthropic', 'gemini' or"
        " 'failsoft',"
        ' got "opanai"',
        "`targets.mini.model` (policy.yaml, line 2) is missing",
        "`targets.mini.modle` (policy.yaml, line 4) is unknown; did you mean `model`?",
        "`targets.mini.limits.connect` (policy.yaml, line 5) must be a number with a unit,"
        " such as 250ms, 30s, 5m, 2h or 1d, got 3",
        "`targets.mini.limits.stall` (policy.yaml, line 5) must be a number with a unit,"
        ' such as 250ms, 30s, 5m, 2h or 1d, got "-1s"',
        "`targets.home.endpoint` (policy.yaml, line 6) is missing: a gRPC target such as"
        " `dns:///failsoft-local-llm:50051`",
        "`targets.plain.endpoint` (policy.yaml, line 12) is a private address;"
        " set `allow_private: true` if it is meant",
        "`targets.plain.credential` (policy.yaml, line 13) must name a `file` or an `env` variable",
        "`targets.cache` (policy.yaml, line 14) is the name of a hop that is always there;"
        " choose another",
        "`routes.chat.serves[1]` (policy.yaml, line 19) must be a model id, or the beginning"
        " of one and then `*`",
        "`routes.chat.hops[1]` (policy.yaml, line 20) names `mini` a second time",
        "`routes.chat.hops[2]` (policy.yaml, line 20) names `nobody`, which is no target;"
        " known are `mini`, `home`, `plain`, `cache`, `mock`",
        "`routes.chat.hops[4]` (policy.yaml, line 20) comes after `mock`, which always answers",
        "`routes.other.serves[0]` (policy.yaml, line 23) overlaps with `gpt-*` of route `chat`",
        "`routes.other.default` (policy.yaml, line 24) is set, and route `chat` is the default",
        "`routes.other.hops` (policy.yaml, line 25) must have at least 1 item after validation,"
        " not 0",
        "`tenants.acme.prefer.talk` (policy.yaml, line 28) is no route of the policy",
        "`tenants.acme.prefer.chat[0]` (policy.yaml, line 28) names `plain`, which is no hop"
        " of route `chat`",
        "`tenants.acme.prefer.chat[1]` (policy.yaml, line 28) names `mock`, which is no target;"
        " it stays where it is",
        "`tenants.acme.allow_mock` (policy.yaml, line 29) must be a valid boolean,"
        ' unable to interpret input, got "perhaps"',
    }


@pytest.mark.parametrize(
    "endpoint",
    [
        "api.example.com/v1",
        "ftp://example.com",
        "https:///v1",
        "https://user:pass@example.com",
        "https://example.com/v1?key=canary",
        "http://[::1",
        "https://example.com:99999/v1",
        "https://example.com:port/v1",
    ],
)
def test_an_endpoint_that_is_no_base_url_is_refused_and_not_quoted(
    problems: Callable[[str], set[str]], endpoint: str
) -> None:
    """People write keys into addresses."""
    (problem,) = problems(SMALLEST.replace("model: m", f'model: m, endpoint: "{endpoint}"'))

    assert "`targets.a.endpoint` (policy.yaml, line 3) must be a base URL" in problem
    assert endpoint not in problem


IN_THE_CLEAR = "would have its credential travel in the clear; use `https://`"


@pytest.mark.parametrize(
    "host", ["api..openai.com", ".openai.com", f"{'x' * 64}.openai.com", "ü..example.com"]
)
def test_a_host_that_no_resolver_takes_is_refused(
    problems: Callable[[str], set[str]], host: str
) -> None:
    """It passed, and looking it up ended every router that read the policy."""
    (problem,) = problems(SMALLEST.replace("model: m", f'model: m, endpoint: "https://{host}/v1"'))

    assert "`targets.a.endpoint` (policy.yaml, line 3) names a host that cannot be" in problem


@pytest.mark.parametrize(
    "host", ["api.openai.com.", f"{'x' * 63}.openai.com", "my_llm.example.com", "bücher.example"]
)
def test_an_unusual_host_that_can_be_looked_up_is_taken(
    load: Callable[[str], Policy], host: str
) -> None:
    assert load(SMALLEST.replace("model: m", f'model: m, endpoint: "https://{host}/v1"')).targets


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ('endpoint: "http://api.example.com/v1"', f"{IN_THE_CLEAR}, or set `allow_private: true`"),
        ('endpoint: "http://8.8.8.8/v1"', IN_THE_CLEAR),
        ('endpoint: "http://8.8.8.8/v1", allow_private: true', IN_THE_CLEAR),
        ('endpoint: "HTTP://api.example.com/v1"', IN_THE_CLEAR),
    ],
)
def test_a_key_in_the_clear_is_refused(
    problems: Callable[[str], set[str]], written: str, wrong: str
) -> None:
    """It was sent to whoever is on the way, and nobody was told."""
    key = "credential: {env: KEY}"
    (problem,) = problems(SMALLEST.replace("model: m", f"model: m, {key}, {written}"))

    assert problem.startswith("`targets.a.endpoint`")
    assert wrong in problem


@pytest.mark.parametrize(
    "written",
    [
        'endpoint: "https://api.example.com/v1", credential: {env: KEY}',
        'endpoint: "http://api.example.com/v1"',
        'endpoint: "http://127.0.0.1:9/v1", allow_private: true, credential: {env: KEY}',
        'endpoint: "http://vllm.corp:8000/v1", allow_private: true, credential: {env: KEY}',
    ],
)
def test_a_key_that_stays_inside_or_hidden_is_fine(
    load: Callable[[str], Policy], written: str
) -> None:
    assert load(SMALLEST.replace("model: m", f"model: m, {written}")).targets


def failsoft(written: str) -> str:
    return SMALLEST.replace("openai, model: m", f"failsoft, model: m, {written}")


@pytest.mark.parametrize(
    "written",
    [
        'endpoint: "dns:///llm.example.com:443", credential: {env: KEY}',
        'endpoint: "dns:///router:50050", external: true, credential: {env: KEY}',
    ],
)
def test_a_key_for_another_router_outside_needs_tls(
    load: Callable[[str], Policy], problems: Callable[[str], set[str]], written: str
) -> None:
    (problem,) = problems(failsoft(written))

    assert problem.startswith("`targets.a.endpoint`")
    assert "set `tls: true`, or `external: false`" in problem
    assert load(failsoft(f"{written}, tls: true")).targets["a"].tls


def test_a_url_says_itself_whether_it_is_by_tls(problems: Callable[[str], set[str]]) -> None:
    (problem,) = problems(SMALLEST.replace("model: m", "model: m, tls: true"))

    assert "is for provider `failsoft`; a base URL says it by `https://`" in problem


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "[::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[::]",
    ],
)
def test_a_private_address_has_to_be_meant(
    load: Callable[[str], Policy], problems: Callable[[str], set[str]], host: str
) -> None:
    text = SMALLEST.replace("model: m", f'model: m, endpoint: "http://{host}:8000/v1"')

    (problem,) = problems(text)
    assert "is a private address; set `allow_private: true`" in problem
    assert load(text.replace("model: m", "model: m, allow_private: true")).targets


@pytest.mark.parametrize("host", ["api.example.com", "8.8.8.8", "[2606:4700::1111]"])
def test_a_public_address_or_a_name_is_fine(load: Callable[[str], Policy], host: str) -> None:
    """What a name leads to is looked at when it is resolved."""
    assert load(SMALLEST.replace("model: m", f'model: m, endpoint: "https://{host}/v1"')).targets


def test_a_target_or_route_that_is_written_twice_is_refused(
    problems: Callable[[str], set[str]],
) -> None:
    """YAML would silently take the last one."""
    assert problems(SMALLEST + "  chat: {hops: [mock]}\n") == {
        "policy.yaml, line 6: the key `chat` is already on line 5"
    }


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("model: m, limits: {first_content: 10}", "targets.a.limits.first_content"),
        ("model: m, breaker: {open_for: 5}", "targets.a.breaker.open_for"),
    ],
)
def test_a_duration_without_a_unit_is_refused(
    problems: Callable[[str], set[str]], written: str, path: str
) -> None:
    (problem,) = problems(SMALLEST.replace("model: m", written))

    assert problem.startswith(f"`{path}` (policy.yaml, line 3) must be a number with a unit")


@pytest.mark.parametrize(
    "written",
    [
        "limits: {total: 2h}",
        "limits: {connect: 0s}",
        "breaker: {failure_ratio: 0}",
        "breaker: {failure_ratio: 1.5}",
        "breaker: {slow_ratio: 0}",
        "breaker: {slow_ratio: 1.5}",
        "breaker: {probes: 0}",
        "context_tokens: -1",
        "capabilities: [magic]",
    ],
)
def test_a_value_out_of_range_is_refused(problems: Callable[[str], set[str]], written: str) -> None:
    (problem,) = problems(SMALLEST.replace("model: m", f"model: m, {written}"))

    assert problem.startswith(f"`targets.a.{written.split(':')[0]}")
    assert "(policy.yaml, line 3) must" in problem


def test_an_entry_of_the_wrong_kind_moves_no_other_entrys_path(
    problems: Callable[[str], set[str]],
) -> None:
    told = problems(SMALLEST.replace("hops: [a]", "hops: [7, a, b]"))

    assert {problem.split("`")[1] for problem in told} == {
        "routes.chat.hops[0]",
        "routes.chat.hops[2]",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "targets: []\nroutes: 7\ntenants: x\n",
        "targets: {a: 1}\nroutes: {chat: [a]}\n",
        "targets: {a: {endpoint: 7, credential: x, provider: []}}\nroutes: {r: {serves: {}}}\n",
        "targets: {}\nroutes: {r: {hops: [mock]}}\ntenants: {t: {prefer: [x]}, u: 1}\n",
    ],
)
def test_a_policy_of_any_wrong_shape_is_refused_and_breaks_nothing(
    problems: Callable[[str], set[str]], text: str
) -> None:
    assert problems(text)


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_policy(tmp_path / "policy.yaml")

    assert refusal.value.problems == (
        f"{tmp_path}/policy.yaml: cannot be read: No such file or directory",
    )
