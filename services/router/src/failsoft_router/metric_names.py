"""The names of the router's metrics; a label that spans have too is the same attribute."""

from failsoft_kit.rpc.names import ERROR_TYPE
from failsoft_kit.telemetry import AttributeName, MetricName, MetricType, ValueType
from failsoft_router.core.breaker import Result
from failsoft_router.core.member import Standing
from failsoft_router.core.retry import MAX_ATTEMPTS
from failsoft_router.span_names import (
    ATTRIBUTES,
    BREAKER_STATE,
    CACHE_STATUS,
    DEGRADATION,
    ERROR_CLASS,
    HOP_OUTCOME,
    HOP_SKIP_REASON,
    HOP_TARGET,
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    ROUTE,
)

TENANT = "failsoft.tenant.id"
INPUT, OUTPUT = "input", "output"
FAILED = "failed"
"""In place of a degradation: there was no whole answer."""


def _label(name: str, description: str, allowed: tuple[str, ...] = ()) -> AttributeName:
    return AttributeName(name=name, type=ValueType.STRING, description=description, allowed=allowed)


_ROUTE = ATTRIBUTES[ROUTE]
_DEGRADATION = ATTRIBUTES[DEGRADATION]
_CACHE_STATUS = ATTRIBUTES[CACHE_STATUS]
_TARGET = ATTRIBUTES[HOP_TARGET]
_OUTCOME = ATTRIBUTES[HOP_OUTCOME]
_SKIP_REASON = ATTRIBUTES[HOP_SKIP_REASON]
_ERROR_CLASS = ATTRIBUTES[ERROR_CLASS]
_BREAKER_STATE = ATTRIBUTES[BREAKER_STATE]
_GENAI = tuple(ATTRIBUTES[name] for name in (OPERATION, PROVIDER, REQUEST_MODEL))
_ENDPOINT_STATE = _label(
    "failsoft.endpoint.state",
    "Whether it takes calls; `ejected`: it says so, and calls to it fail; `on_trial`: it was, and"
    " gets one call at a time; `full`: it had no room for the last ones.",
    tuple(each.value for each in Standing),
)
_PROBE_RESULT = _label(
    "failsoft.probe.result",
    "What it says of the target's health.",
    tuple(each.value for each in Result),
)
_TOKEN_TYPE = _label(
    "gen_ai.token.type", "OpenTelemetry GenAI: whether read or written.", (INPUT, OUTPUT)
)
_TENANT = _label(TENANT, "Whose request it is.")

_DURATIONS = tuple(0.01 * 2**power for power in range(17))
"""OpenTelemetry's, which end at 82 seconds, and on to 655."""

WALKS = MetricName(
    name="failsoft.walks",
    type=MetricType.COUNTER,
    unit="{walk}",
    description="Walks that ended, by what their callers got, which is `failed` where it was no"
    " whole answer; the error's type is the reason that they were told, or `cancelled`.",
    labels=(_ROUTE, _DEGRADATION, ERROR_TYPE),
)
WALK_DURATION = MetricName(
    name="failsoft.walk.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="From a walk's start to its end, however it ended.",
    labels=(_ROUTE, _DEGRADATION),
    buckets=_DURATIONS,
)
WALK_CALLS = MetricName(
    name="failsoft.walk.calls",
    type=MetricType.HISTOGRAM,
    unit="{call}",
    description="Calls to targets that one walk made.",
    labels=(_ROUTE,),
    buckets=tuple(float(calls) for calls in range(MAX_ATTEMPTS + 1)),
)
WALK_CACHE = MetricName(
    name="failsoft.walk.cache",
    type=MetricType.COUNTER,
    unit="{walk}",
    description="Walks that were answered where there is a cache, by what it said of them.",
    labels=(_ROUTE, _CACHE_STATUS),
)
HOPS = MetricName(
    name="failsoft.hops",
    type=MetricType.COUNTER,
    unit="{hop}",
    description="Hops that ended, by how: a skipped one has a skip reason, a failed one an error"
    " class; one that is left `probing` has answered when nobody waited any more.",
    labels=(_TARGET, _OUTCOME, _SKIP_REASON, _ERROR_CLASS),
)
CALL_DURATION = MetricName(
    name="gen_ai.client.operation.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="OpenTelemetry GenAI: calls to targets, from their start to their end, however"
    " they ended; the error's type is the class.",
    labels=(*_GENAI, ERROR_TYPE),
    buckets=_DURATIONS,
)
CALL_FIRST_CONTENT = MetricName(
    name="gen_ai.client.operation.time_to_first_chunk",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="OpenTelemetry GenAI: from a call's start to its first content.",
    labels=_GENAI,
    buckets=_DURATIONS,
)
CALL_TOKENS = MetricName(
    name="gen_ai.client.token.usage",
    type=MetricType.HISTOGRAM,
    unit="{token}",
    description="OpenTelemetry GenAI: tokens of the calls whose targets have told them.",
    labels=(*_GENAI, _TOKEN_TYPE),
    buckets=tuple(float(4**power) for power in range(14)),
)
PROBES = MetricName(
    name="failsoft.probes",
    type=MetricType.COUNTER,
    unit="{probe}",
    description="Calls that found out whether a target is back, by what they found.",
    labels=(_TARGET, _PROBE_RESULT),
)
READY = MetricName(
    name="failsoft.target.ready",
    type=MetricType.GAUGE,
    unit="",
    description="1 while walks call the target, and not as a probe: it has its credential, and no"
    " breaker or gate keeps calls from it. To be busy is no illness.",
    labels=(_TARGET,),
)
BREAKER = MetricName(
    name=BREAKER_STATE,
    type=MetricType.GAUGE,
    unit="",
    description="1 for the state that the target's health breaker is in, 0 for the others.",
    labels=(_TARGET, _BREAKER_STATE),
)
BREAKER_TRANSITIONS = MetricName(
    name="failsoft.breaker.transitions",
    type=MetricType.COUNTER,
    unit="{transition}",
    description="How often the target's health breaker has entered a state.",
    labels=(_TARGET, _BREAKER_STATE),
)
GATE_SHUT = MetricName(
    name="failsoft.gate.shut",
    type=MetricType.GAUGE,
    unit="",
    description="1 while a gate beside the health breaker keeps calls from the target, by what"
    " hops are skipped for.",
    labels=(_TARGET, _SKIP_REASON),
)
ENDPOINTS = MetricName(
    name="failsoft.endpoints",
    type=MetricType.GAUGE,
    unit="{endpoint}",
    description="Endpoints of a target whose endpoints are watched, by how they are.",
    labels=(_TARGET, _ENDPOINT_STATE),
)
RETRIES = MetricName(
    name="failsoft.retries",
    type=MetricType.COUNTER,
    unit="{call}",
    description="Second attempts that the target's retry budget has paid for.",
    labels=(_TARGET,),
)
RETRY_BUDGET = MetricName(
    name="failsoft.retry.budget",
    type=MetricType.GAUGE,
    unit="{call}",
    description="Second attempts that are left in it now.",
    labels=(_TARGET,),
)
IN_FLIGHT = MetricName(
    name="failsoft.bulkhead.in_flight",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{call}",
    description="Calls that have a place at the target.",
    labels=(_TARGET,),
)
WAITING = MetricName(
    name="failsoft.bulkhead.waiting",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{call}",
    description="Calls that wait for one.",
    labels=(_TARGET,),
)
TENANT_WALKS = MetricName(
    name="failsoft.tenant.walks",
    type=MetricType.COUNTER,
    unit="{walk}",
    description="Walks that ended, by whose they were and what their callers got; absent unless"
    " the settings name tenants, and all others are `other`.",
    labels=(_TENANT, _DEGRADATION),
)
TENANT_TOKENS = MetricName(
    name="failsoft.tenant.tokens",
    type=MetricType.COUNTER,
    unit="{token}",
    description="Tokens of calls to targets, by whom they were made for; as far as targets have"
    " told them, and absent unless the settings name tenants.",
    labels=(_TENANT, _TOKEN_TYPE),
)
METRICS = (
    *(WALKS, WALK_DURATION, WALK_CALLS, WALK_CACHE, HOPS),
    *(CALL_DURATION, CALL_FIRST_CONTENT, CALL_TOKENS, PROBES, READY),
    *(BREAKER, BREAKER_TRANSITIONS, GATE_SHUT, ENDPOINTS),
    *(RETRIES, RETRY_BUDGET, IN_FLIGHT, WAITING),
    *(TENANT_WALKS, TENANT_TOKENS),
)
