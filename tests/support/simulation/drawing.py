"""Draws a schedule from a seed: the policy and the callers; `weather` draws the trouble."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from failsoft_model.chat import (
    CacheControl,
    ChatRequest,
    Degradation,
    Message,
    Role,
    Sampling,
    Text,
    Tool,
)
from failsoft_model.walk import Capability
from failsoft_router.core.policy import (
    CACHE_HOP,
    MOCK_HOP,
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
from simulation import weather
from simulation.schedule import (
    CacheWeather,
    Isolated,
    Keys,
    PlannedRequest,
    Reload,
    Schedule,
)

_NAMES = ("alder", "birch", "cedar", "elder", "fir")
_STARTS = (0.0, 0.1, 59.999, 1000.0, 12345.678, 2_592_000.5)
_HORIZONS = (2.0, 15.0, 60.0, 200.0)
_TOOL = Tool(name="look", parameters_json="{}")
_QUESTIONS = tuple(
    (Message(role=Role.USER, parts=(Text(text=f"question {number}"),)),) for number in range(4)
)
_REFUSALS = (Degradation.FALLBACK_TARGET, Degradation.STALE_CACHE, Degradation.MOCK)


def draw_schedule(seed: int) -> Schedule:
    """The schedule of this seed; the same at any time and on any machine."""
    draw = Random(seed)
    names = _NAMES[: draw.choice((1, 2, 2, 3, 3, 4, 5))]
    horizon = draw.choice(_HORIZONS)
    policy = _policy(draw, names)
    cache = _cache(draw, horizon) if draw.random() < 0.8 else None
    return Schedule(
        seed=seed,
        start=draw.choice(_STARTS),
        policy=policy,
        weather=weather.of_targets(draw, names, horizon),
        keys=_keys(draw, policy, horizon),
        cache=cache,
        isolated=_isolated(draw, names, horizon),
        reloads=_reloads(draw, policy, horizon),
        requests=_requests(draw, policy, horizon, 0.0 if cache is None else cache.delay),
    )


def _policy(draw: Random, names: Sequence[str]) -> Policy:
    shared = _breaker(draw, gpu=False)
    targets = {name: _target(draw, name, shared) for name in names}
    routes = _routes(draw, names)
    return Policy(targets=targets, routes=routes, tenants=_tenants(draw, names, routes))


def _reloads(draw: Random, policy: Policy, horizon: float) -> tuple[Reload, ...]:
    """Now and then an edit of many numbers, and the one before it once more."""
    if draw.random() < 0.8:
        return ()
    names = tuple(policy.targets)
    edited = _policy(draw, names[: draw.randint(1, len(names))])
    at = draw.uniform(0.0, horizon)
    edit = Reload(at=at, policy=_with_fates_of(policy, edited, draw))
    return (edit, Reload(at=at + 5.0, policy=policy)) if draw.random() < 0.5 else (edit,)


def _with_fates_of(policy: Policy, edited: Policy, draw: Random) -> Policy:
    """The edited policy with the old one's endpoints and kinds: the same targets, other numbers.

    Half of the time those that share their fate with nobody stay as they are.
    """
    targets = {
        name: replace(
            target,
            endpoint=policy.targets[name].endpoint,
            model=policy.targets[name].model,
            credential=policy.targets[name].credential,
        )
        for name, target in edited.targets.items()
    }
    alike = {target.health_key: target.breaker for target in targets.values()}
    untouched = {
        name for name in targets if name in policy.targets[name].model and draw.random() < 0.5
    }
    return replace(
        edited,
        targets={
            name: policy.targets[name]
            if name in untouched
            else replace(target, breaker=alike[target.health_key])
            for name, target in targets.items()
        },
    )


def _keys(draw: Random, policy: Policy, horizon: float) -> dict[str, Keys]:
    return {
        name: Keys(
            first=None if draw.random() < 0.3 else f"{name}-1",
            second=f"{name}-2",
            changes=draw.uniform(0.0, 2.0 * horizon),
        )
        for name, target in policy.targets.items()
        if target.credential is not None
    }


def _isolated(draw: Random, names: Sequence[str], horizon: float) -> tuple[Isolated, ...]:
    if draw.random() < 0.85:
        return ()
    at = draw.uniform(0.0, horizon)
    return (Isolated(target=draw.choice(names), at=at, until=at + draw.uniform(0.0, horizon)),)


def _target(draw: Random, name: str, shared: BreakerPolicy) -> TargetPolicy:
    """A target; a tenth of them share one fate and, as they must, one breaker."""
    kind = draw.choice((TargetKind.REMOTE, TargetKind.REMOTE, TargetKind.GPU))
    fate = "shared" if draw.random() < 0.1 else name
    own = _breaker(draw, gpu=kind is TargetKind.GPU)
    return TargetPolicy(
        name=name,
        provider=Provider.OPENAI,
        model=f"{fate}-model",
        endpoint=f"https://{fate}.example.com/v1",
        credential=CredentialSource(file=f"/{name}") if draw.random() < 0.2 else None,
        context_tokens=draw.choice((0, 0, 50, 200)),
        capabilities=frozenset({Capability.TOOLS}) if draw.random() < 0.7 else frozenset(),
        limits=_limits(draw),
        kind=kind,
        breaker=own if fate == name else shared,
        external=draw.random() < 0.7,
        concurrency=draw.choice((1, 2, 64, 64)),
        attempts=draw.choice((1, 2, 2)),
    )


def _limits(draw: Random) -> Limits:
    # No multiples of the 2 s that hops behind are left: equal limits would hide whose passed.
    first_content = draw.choice((0.3, 1.0, 3.9, 9.5))
    return Limits(
        connect=draw.choice((0.2, 1.0, 3.0)),
        first_content=first_content,
        stall=draw.choice((0.2, 1.0, 5.0, 15.0)),
        total=draw.choice((first_content + 1.0, 20.0, 60.0)),
    )


def _breaker(draw: Random, *, gpu: bool) -> BreakerPolicy:
    open_for = draw.choice((0.5, 2.0, 5.0))
    return BreakerPolicy(
        window=draw.choice((5.0, 60.0)),
        failure_ratio=draw.choice((0.3, 0.5, 0.9)),
        minimum_calls=draw.choice((2, 4, 10)),
        consecutive_failures=draw.choice((1, 2, 3, 5)),
        open_for=open_for,
        open_cap=max(open_for, draw.choice((5.0, 15.0, 30.0))),
        probes=1 if gpu else draw.choice((1, 2, 3)),
        good_probes=1 if gpu else draw.choice((1, 2)),
    )


def _routes(draw: Random, names: Sequence[str]) -> dict[str, RoutePolicy]:
    chat = _route(draw, "chat", names, default=True)
    if draw.random() < 0.7:
        return {"chat": chat}
    return {"chat": chat, "code": _route(draw, "code", names, default=False)}


def _route(draw: Random, name: str, names: Sequence[str], *, default: bool) -> RoutePolicy:
    hops = draw.sample(names, draw.randint(1, len(names)) if not default else len(names))
    if draw.random() < 0.5:
        hops.insert(draw.randint(1, len(hops)), CACHE_HOP)
    if draw.random() < 0.4:
        hops.append(MOCK_HOP)
    return RoutePolicy(
        name=name,
        hops=tuple(hops),
        default=default,
        deadline=draw.choice((3.0, 20.0, 120.0)),
        midstream=draw.choice(tuple(Midstream)),
        content_filter_falls_back=draw.random() < 0.3,
        cache=None
        if draw.random() < 0.1
        else CachePolicy(
            fresh_for=draw.choice((1.0, 300.0)),
            stale_if_error=draw.choice((10.0, 86400.0)),
            fresh_hits=draw.choice(tuple(FreshHits)),
        ),
    )


def _tenants(
    draw: Random, names: Sequence[str], routes: dict[str, RoutePolicy]
) -> dict[str, TenantPolicy]:
    hops = routes["chat"].hops
    prefer = tuple(name for name in draw.sample(names, len(names)) if name in hops)
    return {
        "acme": TenantPolicy(allow_mock=True),
        "choosy": TenantPolicy(
            prefer={"chat": prefer[:2]},
            no_external=draw.random() < 0.3,
            allow_mock=draw.random() < 0.5,
            allow_stale=draw.random() < 0.5,
        ),
    }


def _cache(draw: Random, horizon: float) -> CacheWeather:
    begin = draw.uniform(0.0, horizon)
    away = ((begin, begin + draw.expovariate(2.0 / horizon)),) if draw.random() < 0.4 else ()
    return CacheWeather(delay=draw.choice((0.0005, 0.005, 0.045)), away=away)


def _requests(
    draw: Random, policy: Policy, horizon: float, look_up: float
) -> tuple[PlannedRequest, ...]:
    tools = draw.random() < 0.2
    slow_readers = draw.random() < 0.2
    hurried = draw.random() < 0.2
    models = (*policy.routes, "chat", "unheard-of", next(iter(policy.targets.values())).model)
    return tuple(
        PlannedRequest(
            name=f"r{number}",
            at=at,
            request=_request(draw, draw.choice(models), tools=tools),
            tenant=draw.choice(("acme", "acme", "choosy", "unlisted")),
            streamed=draw.random() < 0.5,
            within=draw.uniform(2.0, 12.0) if hurried else _within(draw),
            patience=_patience(draw, policy, look_up) if draw.random() < 0.15 else None,
            pause=draw.choice((0.02, 0.5, 8.0, 1000.0))
            if slow_readers and draw.random() < 0.5
            else 0.0,
        )
        for number, at in enumerate(_arrivals(draw, horizon), start=1)
    )


def _patience(draw: Random, policy: Policy, look_up: float) -> float:
    """Any time, or the very moment at which the limit of the first target passes."""
    if draw.random() < 0.8:
        return draw.expovariate(1 / 3.0)
    limits = draw.choice(tuple(policy.targets.values())).limits
    return look_up + limits.first_content


def _arrivals(draw: Random, horizon: float) -> Sequence[float]:
    """A crowd at once, a steady stream, or as they come; now and then a late one."""
    count = draw.randint(5, 40) if draw.random() < 0.4 else draw.randint(5, 15)
    match draw.randrange(3):
        case 0:
            crowds = [draw.uniform(0.0, horizon) for _ in range(draw.randint(1, 3))]
            times = [draw.choice(crowds) + draw.uniform(0.0, 0.05) for _ in range(count)]
        case 1:
            times = [number * horizon / count for number in range(count)]
        case _:
            times = [draw.uniform(0.0, horizon) for _ in range(count)]
    return sorted(times)


def _request(draw: Random, model: str, *, tools: bool) -> ChatRequest:
    plain = draw.random() < 0.6
    return ChatRequest(
        model=model,
        messages=draw.choice(_QUESTIONS),
        sampling=Sampling(
            temperature=draw.choice((None, 0.0)),
            max_tokens=100 if draw.random() < 0.1 else None,
        ),
        tools=(_TOOL,) if tools and draw.random() < 0.5 else (),
        cache_control=CacheControl()
        if plain
        else CacheControl(
            no_cache=draw.random() < 0.3,
            no_store=draw.random() < 0.3,
            max_age=draw.choice((None, 5.0)),
        ),
        request_id="" if plain else "mine",
        refused_degradations=frozenset({draw.choice(_REFUSALS)})
        if draw.random() < 0.1
        else frozenset(),
    )


def _within(draw: Random) -> float | None:
    match draw.randrange(8):
        case 0 | 1 | 2:
            return None
        case 3 | 4:
            return draw.uniform(30.0, 200.0)
        case 5 | 6:
            return draw.uniform(1.0, 15.0)
        case _:
            return draw.choice((0.01, 0.06, 0.2, 0.9)) * draw.uniform(0.5, 1.5)
