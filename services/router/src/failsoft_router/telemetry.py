"""Every name that the router's spans use; docs/telemetry.md is generated from this."""

from failsoft_kit.telemetry.names import AttributeName, EventName, Name, SpanName, ValueType
from failsoft_model.chat import Degradation
from failsoft_model.walk import CacheStatus, ErrorClass, HopOutcome, PlaceReason, SkipReason
from failsoft_router.core.seam import Manner

WALK = "failsoft.walk"
HOP = "failsoft.hop"
LOOKUP = "failsoft.cache.v1.CacheService/Lookup"
ATTEMPT = "chat"

FIRST_CONTENT = "failsoft.first_content"
STREAM_RESET = "failsoft.stream_reset"
RESCUE = "failsoft.rescue"

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
LINK = "failsoft.link"
CACHE_STATUS = "failsoft.cache.status"
CACHE_AGE = "failsoft.cache.age"
ATTEMPT_ID = "failsoft.attempt.id"
RESCUE_MANNER = "failsoft.rescue.manner"
RESCUE_CHARACTERS = "failsoft.rescue.characters"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
STREAMED = "gen_ai.request.stream"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
HTTP_STATUS = "http.response.status_code"


def _string(name: str, description: str, allowed: tuple[str, ...] = ()) -> AttributeName:
    return AttributeName(name=name, type=ValueType.STRING, description=description, allowed=allowed)


def _number(name: str, description: str, unit: str | None = None) -> AttributeName:
    return AttributeName(name=name, type=ValueType.INT, description=description, unit=unit)


def _seconds(name: str, description: str) -> AttributeName:
    return AttributeName(name=name, type=ValueType.FLOAT, description=description, unit="s")


NAMES: tuple[Name, ...] = (
    SpanName(name=WALK, description="One request's way along its route."),
    SpanName(name=HOP, description="One place on the walk, skipped ones too."),
    SpanName(name="chat {model}", description="One call to a target."),
    SpanName(name=LOOKUP, description="One look-up in the cache."),
    EventName(name=FIRST_CONTENT, description="The first content of an attempt came."),
    EventName(name=STREAM_RESET, description="What was sent to the caller is void."),
    EventName(name=RESCUE, description="A target is asked to go on with what another has said."),
    _string(WALK_ID, "The walk; the same as in the reply."),
    _string(ROUTE, "The route's name in the policy."),
    AttributeName(
        name=FALLBACK_USED,
        type=ValueType.BOOL,
        description="The best target of the plan did not answer.",
    ),
    _string(
        DEGRADATION,
        "What the caller got instead of the best answer.",
        tuple(each.value for each in Degradation),
    ),
    _string(SERVED_BY, "A target's name, `cache` or `mock`."),
    _string(HOP_TARGET, "A target's name, `cache` or `mock`."),
    _number(HOP_POSITION, "Place in the plan, from 1."),
    _string(HOP_PLACE, "Why it stands where it stands.", tuple(each.value for each in PlaceReason)),
    _string(HOP_OUTCOME, "How the hop ended.", tuple(each.value for each in HopOutcome)),
    _string(HOP_SKIP_REASON, "Why it was not tried.", tuple(each.value for each in SkipReason)),
    _string(ERROR_CLASS, "What was wrong.", tuple(each.value for each in ErrorClass)),
    _string(BREAKER_STATE, "The target's health breaker.", ("closed", "open", "half_open")),
    _string(LINK, "What a link to another span stands for.", ("fallback_of",)),
    _string(CACHE_STATUS, "What the cache said.", tuple(each.value for each in CacheStatus)),
    _seconds(CACHE_AGE, "Age of the stored answer."),
    _string(ATTEMPT_ID, "walk_id/hop/attempt."),
    _string(
        RESCUE_MANNER,
        "How a target is asked to go on.",
        tuple(each.value for each in Manner),
    ),
    _number(RESCUE_CHARACTERS, "Characters that it goes on from.", "{character}"),
    _string(OPERATION, "OpenTelemetry GenAI.", ("chat",)),
    _string(PROVIDER, "OpenTelemetry GenAI: whose API or engine answers."),
    _string(REQUEST_MODEL, "OpenTelemetry GenAI: the model that was asked for."),
    _string(RESPONSE_MODEL, "OpenTelemetry GenAI: the model that answered."),
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
        HTTP_STATUS, "Status of an HTTP reply; 499: the client went away before there was one."
    ),
)
"""What wiring registers; a strict registry refuses everything else."""
