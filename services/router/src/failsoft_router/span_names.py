"""The names of the router's spans, of their events and of their attributes."""

from failsoft_kit.rpc.names import METHOD, SYSTEM
from failsoft_kit.telemetry import AttributeName, EventName, Name, SpanName, ValueType
from failsoft_model.chat import Degradation
from failsoft_model.walk import CacheStatus, ErrorClass, HopOutcome, PlaceReason, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.policy import Provider
from failsoft_router.core.seam import Manner

WALK = "failsoft.walk"
HOP = "failsoft.hop"
ATTEMPT = "chat"

LOOK_UP_METHOD = "failsoft.cache.v1.CacheService/Lookup"
STORE_METHOD = "failsoft.cache.v1.CacheService/Store"
GENERATE_METHOD = "failsoft.inference.v1.InferenceService/StreamGenerate"
CALLED_METHODS = (LOOK_UP_METHOD, STORE_METHOD, GENERATE_METHOD)
"""Of other services of ours, while a request is answered."""

FALLBACK_OF, RETRY_OF, SENT_WITH = "fallback_of", "retry_of", "sent_with"

FIRST_CONTENT = "failsoft.first_content"
STALL = "failsoft.stall"
STREAM_RESET = "failsoft.stream_reset"
RESCUE = "failsoft.rescue"
TRANSITION = "failsoft.breaker.transition"

WALK_ID = "failsoft.walk.id"
ROUTE = "failsoft.route"
FALLBACK_USED = "failsoft.fallback.used"
DEGRADATION = "failsoft.degradation"
SERVED_BY = "failsoft.served_by"
HOP_TARGET = "failsoft.hop.target"
HOP_POSITION = "failsoft.hop.position"
HOP_PLACE = "failsoft.hop.place"
HOP_OUTCOME = "failsoft.hop.outcome"
HOP_SKIP_REASON = "failsoft.hop.skip_reason"
ERROR_CLASS = "failsoft.error.class"
BREAKER_STATE = "failsoft.breaker.state"
BREAKER_FROM = "failsoft.breaker.from"
GATE_DUE_IN = "failsoft.gate.due_in"
DEADLINE_REMAINING = "failsoft.deadline.remaining"
LINK = "failsoft.link"
CACHE_STATUS = "failsoft.cache.status"
CACHE_AGE = "failsoft.cache.age"
ATTEMPT_ID = "failsoft.attempt.id"
ATTEMPT_PROBES = "failsoft.attempt.probes"
RESCUE_MANNER = "failsoft.rescue.manner"
RESCUE_CHARACTERS = "failsoft.rescue.characters"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
STREAMED = "gen_ai.request.stream"
TEMPERATURE = "gen_ai.request.temperature"
TOP_P = "gen_ai.request.top_p"
TOP_K = "gen_ai.request.top_k"
MAX_TOKENS = "gen_ai.request.max_tokens"
SEED = "gen_ai.request.seed"
PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
HTTP_STATUS = "http.response.status_code"

CHAT = "chat"

_PROVIDER_NAMES = {Provider.GEMINI: "gcp.gemini"}
"""OpenTelemetry's names, where they are not ours."""


def provider_name(provider: Provider) -> str:
    """What OpenTelemetry calls it."""
    return _PROVIDER_NAMES.get(provider, provider.value)


def call_attributes(method: str) -> dict[str, str]:
    """What every span has of a call to another service of ours."""
    return {SYSTEM.name: "grpc", METHOD.name: method}


def _string(name: str, description: str, allowed: tuple[str, ...] = ()) -> AttributeName:
    return AttributeName(name=name, type=ValueType.STRING, description=description, allowed=allowed)


def _number(name: str, description: str, unit: str | None = None) -> AttributeName:
    return AttributeName(name=name, type=ValueType.INT, description=description, unit=unit)


def _float(name: str, description: str) -> AttributeName:
    return AttributeName(name=name, type=ValueType.FLOAT, description=description)


def _seconds(name: str, description: str) -> AttributeName:
    return AttributeName(name=name, type=ValueType.FLOAT, description=description, unit="s")


_ROUTE = _string(ROUTE, "The route's name in the policy.")
_DEGRADATION = _string(
    DEGRADATION,
    "What the caller got instead of the best answer.",
    tuple(each.value for each in Degradation),
)
_TARGET = _string(HOP_TARGET, "A target's name, `cache` or `mock`.")
_OUTCOME = _string(HOP_OUTCOME, "How the hop ended.", tuple(each.value for each in HopOutcome))
_SKIP_REASON = _string(
    HOP_SKIP_REASON, "Why it was not tried.", tuple(each.value for each in SkipReason)
)
_ERROR_CLASS = _string(ERROR_CLASS, "What was wrong.", tuple(each.value for each in ErrorClass))
_BREAKER_STATE = _string(
    BREAKER_STATE, "The target's health breaker.", tuple(each.value for each in State)
)
_OPERATION = _string(OPERATION, "OpenTelemetry GenAI.", (CHAT,))
_PROVIDER = _string(PROVIDER, "OpenTelemetry GenAI: whose API or engine answers.")
_REQUEST_MODEL = _string(REQUEST_MODEL, "OpenTelemetry GenAI: the model that was asked for.")
_CACHE_STATUS = _string(
    CACHE_STATUS, "What the cache said.", tuple(each.value for each in CacheStatus)
)
_GENAI = (_OPERATION, _PROVIDER, _REQUEST_MODEL)

SPAN_NAMES: tuple[Name, ...] = (
    SpanName(name=WALK, description="One request's way along its route."),
    SpanName(name=HOP, description="One place on the walk, skipped ones too."),
    SpanName(name="chat {model}", description="One call to a target."),
    SpanName(
        name=TRANSITION,
        description="The breaker of a hop's target has changed after the hop's end.",
    ),
    SpanName(name=LOOK_UP_METHOD, description="One look-up in the cache."),
    SpanName(
        name=STORE_METHOD,
        description="An answer is sent to the cache, after its walk, which is the parent.",
    ),
    EventName(name=FIRST_CONTENT, description="The first content of an attempt came."),
    EventName(name=STALL, description="Nothing more came of an answer within its limit."),
    EventName(name=STREAM_RESET, description="What was sent to the caller is void."),
    EventName(name=TRANSITION, description="The breaker of the hop's target has changed."),
    EventName(name=RESCUE, description="A target is asked to go on with what another has said."),
    _string(WALK_ID, "The walk; the same as in the reply."),
    _ROUTE,
    AttributeName(
        name=FALLBACK_USED,
        type=ValueType.BOOL,
        description="The best target of the plan did not answer.",
    ),
    _DEGRADATION,
    _string(SERVED_BY, "A target's name, `cache` or `mock`."),
    _TARGET,
    _number(HOP_POSITION, "Place in the plan, from 1."),
    _string(HOP_PLACE, "Why it stands where it stands.", tuple(each.value for each in PlaceReason)),
    _OUTCOME,
    _SKIP_REASON,
    _ERROR_CLASS,
    _BREAKER_STATE,
    _string(
        BREAKER_FROM, "The state that the breaker has left.", tuple(each.value for each in State)
    ),
    _seconds(
        GATE_DUE_IN,
        "Until the gate that the hop was skipped for opens by itself; absent where a place may"
        " come free any moment, or only a change of the policy opens it.",
    ),
    _seconds(
        DEADLINE_REMAINING,
        "Left when the hop began: of the caller's deadline, or of the route's, which is to the"
        " first content, where the caller has none.",
    ),
    _string(
        LINK,
        "What a link to another span stands for: the hop that this one replaces, the attempt that"
        " it repeats, the call that brought this answer to the cache together with others.",
        (FALLBACK_OF, RETRY_OF, SENT_WITH),
    ),
    _CACHE_STATUS,
    _seconds(CACHE_AGE, "Age of the stored answer."),
    _string(ATTEMPT_ID, "walk_id/hop/attempt."),
    AttributeName(
        name=ATTEMPT_PROBES,
        type=ValueType.BOOL,
        description="The call finds out whether its target is back; absent on all others.",
    ),
    _string(
        RESCUE_MANNER,
        "How a target is asked to go on.",
        tuple(each.value for each in Manner),
    ),
    _number(RESCUE_CHARACTERS, "Characters that it goes on from.", "{character}"),
    *_GENAI,
    _string(RESPONSE_MODEL, "OpenTelemetry GenAI: the model that answered."),
    _string(
        RESPONSE_ID,
        "OpenTelemetry GenAI: what the provider calls its answer; another router, its walk.",
    ),
    AttributeName(
        name=STREAMED, type=ValueType.BOOL, description="OpenTelemetry GenAI: as a stream."
    ),
    AttributeName(
        name=FINISH_REASONS,
        type=ValueType.STRINGS,
        description="OpenTelemetry GenAI: why the answer ended.",
    ),
    _seconds(TIME_TO_FIRST_CHUNK, "OpenTelemetry GenAI: from the call to its first content."),
    _number(INPUT_TOKENS, "OpenTelemetry GenAI: tokens of the request.", "{token}"),
    _number(OUTPUT_TOKENS, "OpenTelemetry GenAI: tokens of the answer.", "{token}"),
    _number(
        CACHED_TOKENS, "OpenTelemetry GenAI: those of the request that had been read.", "{token}"
    ),
    _number(
        REASONING_TOKENS, "OpenTelemetry GenAI: those of the answer that are thoughts.", "{token}"
    ),
    _float(TEMPERATURE, "OpenTelemetry GenAI: as the caller set it; absent: it did not."),
    _float(TOP_P, "OpenTelemetry GenAI: as the caller set it."),
    _number(TOP_K, "OpenTelemetry GenAI: as the caller set it."),
    _number(MAX_TOKENS, "OpenTelemetry GenAI: the longest answer, as it was asked for.", "{token}"),
    _number(SEED, "OpenTelemetry GenAI: as the caller set it."),
    _float(PRESENCE_PENALTY, "OpenTelemetry GenAI: as the caller set it."),
    _float(FREQUENCY_PENALTY, "OpenTelemetry GenAI: as the caller set it."),
    _string(
        SERVER_ADDRESS,
        "The host that the target's endpoint names; where endpoints are watched, of the one that"
        " was called last.",
    ),
    _number(SERVER_PORT, "Its port."),
    _number(
        HTTP_STATUS, "Status of an HTTP reply; 499: the client went away before there was one."
    ),
)
"""Spans, their events and their attributes."""

ATTRIBUTES = {name.name: name for name in SPAN_NAMES if isinstance(name, AttributeName)}
"""By their names."""
