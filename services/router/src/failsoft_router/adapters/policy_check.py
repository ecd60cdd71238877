"""What no single field of a policy can know: names that lead nowhere, patterns that clash.

Everything here reads raw YAML values, which may be wrong in any way; what has the wrong
shape is passed over, because the field's own validation names it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from failsoft_kit.identity import TENANT_RULE, is_tenant
from failsoft_kit.settings.document import Trail
from failsoft_kit.settings.types import format_duration, parse_duration
from failsoft_model.walk import Capability
from failsoft_router.adapters.addresses import host_of
from failsoft_router.adapters.breaker_check import Read, of_breakers
from failsoft_router.adapters.endpoint_check import Mistake, Raw, of_endpoint
from failsoft_router.adapters.network_check import of_network
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP, Limits, Provider
from failsoft_router.core.route import overlap

_NAME = re.compile(r"[!-~]{1,128}")
_OPENAI_HOST = "api.openai.com"
_NOT_OPENAIS = (Capability.REGEX.value, Capability.CHOICE.value)
_WITHOUT_PROBABILITIES = {"api.groq.com": "Groq's API", "api.mistral.ai": "Mistral's API"}
"""They refuse a request that asks for probabilities or biases."""
_NEITHER_LIKELIHOOD_NOR_PATTERN = (
    Capability.LOGPROBS.value,
    Capability.TOP_LOGPROBS.value,
    Capability.LOGIT_BIAS.value,
    Capability.REGEX.value,
    Capability.CHOICE.value,
)
_NOT_GEMINIS = (Capability.REGEX.value, Capability.LOGIT_BIAS.value)
_SHOWN = 20
"""Names that a complaint lists; with more, nobody finds the right one by reading."""


def mistakes(
    policy: Raw, *, read: Read, folder: Path, own_address: str = "", own_http_address: str = ""
) -> Iterator[Mistake]:
    """Every mistake: where it is, and the rest of a sentence that begins with the place.

    Args:
        read: Reads the breaker of a target.
        folder: Where the policy's relative paths begin.
        own_address: `host:port` that the router itself listens on; empty: not known.
        own_http_address: The same for HTTP.
    """
    targets, routes, tenants = (_map(policy.get(key)) for key in ("targets", "routes", "tenants"))
    yield from _of_names(targets, routes, tenants)
    for name, target in _maps(targets):
        yield from _of_target(name, target)
        yield from of_endpoint(
            ("targets", name),
            target,
            own_address=own_address,
            own_http_address=own_http_address,
        )
        yield from of_network(("targets", name), target, folder=folder)
        yield from _of_limits(("targets", name, "limits"), _map(target.get("limits")))
    for name, route in _maps(routes):
        yield from _of_hops(("routes", name, "hops"), _texts(route.get("hops")), targets)
        yield from _of_patterns(("routes", name, "serves"), _texts(route.get("serves")))
    yield from of_breakers(_maps(targets), read=read)
    yield from _of_defaults(routes)
    yield from _of_overlaps(routes)
    for name, tenant in _maps(tenants):
        yield from _of_preferences(name, _map(tenant.get("prefer")), routes)
        yield from _of_denials(("tenants", name, "deny"), _texts(tenant.get("deny")), targets)
        yield from _of_tenant_limits(("tenants", name, "limits"), tenant.get("limits"))


def _of_names(targets: Raw, routes: Raw, tenants: Raw) -> Iterator[Mistake]:
    """They are told in replies, spans and logs, so they are words there, too."""
    for kind, named in (("targets", targets), ("routes", routes)):
        for name in named:
            if not _NAME.fullmatch(name):
                yield (kind, name), "must be named by 1 to 128 of ASCII, without spaces"
    for name in tenants:
        if not is_tenant(name):
            yield ("tenants", name), f"can be no tenant's name: {TENANT_RULE}"


def _of_limits(here: Trail, limits: Raw) -> Iterator[Mistake]:
    """A limit that is longer than the whole could never be reached."""
    total = _seconds(limits.get("total", Limits().total))
    for name, default in (
        ("connect", Limits().connect),
        ("first_content", Limits().first_content),
    ):
        limit = _seconds(limits.get(name, default))
        if limit is None or total is None or limit <= total:
            continue
        if name in limits:
            yield (*here, name), f"is longer than `total`, which is {format_duration(total)}"
        else:
            yield (*here, "total"), f"is shorter than `{name}`, which is {format_duration(limit)}"


def _of_target(name: str, target: Raw) -> Iterator[Mistake]:
    here: Trail = ("targets", name)
    if name in (CACHE_HOP, MOCK_HOP):
        yield here, "is the name of a hop that is always there; choose another"
    for key in ("credential", "proxy_credential"):
        source = target.get(key)
        if isinstance(source, dict) and not (source.get("file") or source.get("env")):
            yield (*here, key), "must name a `file` or an `env` variable"
    api, lacking = _never(target)
    for index, name in _texts(target.get("capabilities")).items():
        if name in lacking:
            yield (*here, "capabilities", index), f"names `{name}`, which {api} does not have"


def _never(target: Raw) -> tuple[str, Collection[str]]:
    """Whose API it is, and the capabilities that no model behind it has."""
    match target.get("provider"):
        case Provider.OPENAI.value if _is_openais(target.get("endpoint", "")):
            return "OpenAI's own API", _NOT_OPENAIS
        case Provider.OPENAI.value if api := _without_probabilities(target.get("endpoint")):
            return api, _NEITHER_LIKELIHOOD_NOR_PATTERN
        case Provider.ANTHROPIC.value:
            return "Anthropic's API", _NEITHER_LIKELIHOOD_NOR_PATTERN
        case Provider.GEMINI.value:
            return "Gemini's API", _NOT_GEMINIS
        case _:
            return "", ()


def _without_probabilities(endpoint: object) -> str | None:
    return (
        _WITHOUT_PROBABILITIES.get(host_of(endpoint) or "") if isinstance(endpoint, str) else None
    )


def _is_openais(endpoint: object) -> bool:
    return isinstance(endpoint, str) and (not endpoint or host_of(endpoint) == _OPENAI_HOST)


def _of_hops(here: Trail, hops: Mapping[int, str], targets: Raw) -> Iterator[Mistake]:
    seen: set[str] = set()
    known = _listed([*targets, CACHE_HOP, MOCK_HOP])
    for index, hop in hops.items():
        if hop in seen:
            yield (*here, index), f"names `{hop}` a second time"
        elif hop not in (CACHE_HOP, MOCK_HOP) and hop not in targets:
            yield (*here, index), f"names `{hop}`, which is no target; known are {known}"
        elif MOCK_HOP in seen:
            yield (*here, index), "comes after `mock`, which always answers"
        elif CACHE_HOP in seen and hop != MOCK_HOP:
            yield (*here, index), "comes after `cache`, which only `mock` may follow"
        seen.add(hop)


def _of_patterns(here: Trail, patterns: Mapping[int, str]) -> Iterator[Mistake]:
    for index, pattern in patterns.items():
        if not pattern or "*" in pattern[:-1]:
            yield (*here, index), "must be a model id, or the beginning of one and then `*`"


def _of_defaults(routes: Raw) -> Iterator[Mistake]:
    defaults = [name for name, route in _maps(routes) if route.get("default") is True]
    for name in defaults[1:]:
        yield ("routes", name, "default"), f"is set, and route `{defaults[0]}` is the default"


def _of_overlaps(routes: Raw) -> Iterator[Mistake]:
    seen: list[tuple[str, str]] = []
    for name, route in _maps(routes):
        for index, pattern in _texts(route.get("serves")).items():
            for other, earlier in seen:
                if overlap(pattern, earlier):
                    here: Trail = ("routes", name, "serves", index)
                    yield here, f"overlaps with `{earlier}` of route `{other}`"
            seen.append((name, pattern))


def _of_preferences(tenant: str, prefer: Raw, routes: Raw) -> Iterator[Mistake]:
    for route, names in prefer.items():
        here: Trail = ("tenants", tenant, "prefer", route)
        if route not in routes:
            yield here, "is no route of the policy"
            continue
        hops = _texts(_map(routes[route]).get("hops")).values()
        for index, name in _texts(names).items():
            if name in (CACHE_HOP, MOCK_HOP):
                yield (*here, index), f"names `{name}`, which is no target; it stays where it is"
            elif name not in hops:
                yield (*here, index), f"names `{name}`, which is no hop of route `{route}`"


def _of_denials(here: Trail, names: Mapping[int, str], targets: Raw) -> Iterator[Mistake]:
    """A name that is misspelt would deny nothing, and nobody would notice."""
    known = [*targets, *(provider.value for provider in Provider)]
    for index, name in names.items():
        if name not in known:
            yield (
                (*here, index),
                f"names `{name}`, which is no target and no provider; known are {_listed(known)}",
            )


def _of_tenant_limits(here: Trail, limits: object) -> Iterator[Mistake]:
    """What limits nothing is a slip: nobody writes it for that."""
    if not isinstance(limits, dict):
        return
    if "burst" in limits and "requests_per_minute" not in limits:
        yield (*here, "burst"), "needs `requests_per_minute` beside it"
    elif not limits:
        yield here, "must have `requests_per_minute` or `concurrent`"


def _listed(names: Iterable[str]) -> str:
    """The first of them, in words."""
    different = list(dict.fromkeys(names))
    more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in different[:_SHOWN]) + more


def _seconds(value: object) -> float | None:
    """A duration, as it is written or in seconds; None for what is none."""
    if not isinstance(value, str):
        return value if isinstance(value, float) else None
    try:
        return parse_duration(value)
    except ValueError:
        return None


def _map(value: object) -> Raw:
    return value if isinstance(value, dict) else {}


def _maps(value: Raw) -> Iterable[tuple[str, Raw]]:
    return ((name, each) for name, each in value.items() if isinstance(each, dict))


def _texts(value: object) -> Mapping[int, str]:
    """The texts in a list by their indices."""
    if not isinstance(value, list):
        return {}
    return {index: each for index, each in enumerate(value) if isinstance(each, str)}
