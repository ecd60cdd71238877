"""Every name that this service's telemetry uses besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.rpc.names import ERROR_TYPE
from failsoft_kit.telemetry import (
    AttributeName,
    MetricName,
    MetricType,
    Name,
    SpanName,
    ValueType,
)
from failsoft_local_llm.core.admission.ticket import Reason
from failsoft_local_llm.core.lives import EngineEvent
from failsoft_model.chat import Criticality, Degradation

QUEUE = "failsoft.engine.queue"
PREFILL = "failsoft.engine.prefill"
DECODE = "failsoft.engine.decode"

ATTEMPT_ID = "failsoft.attempt.id"
CRITICALITY = "failsoft.criticality"
DEGRADATION = "failsoft.degradation"
PROFILE = "failsoft.profile"
QUEUE_WAIT = "failsoft.queue.wait"
QUEUE_EXPECTED_WAIT = "failsoft.queue.expected_wait"
QUEUE_REFUSAL = "failsoft.queue.refusal"
PROMPT_TOKENS = "failsoft.engine.prompt_tokens"
CACHED_TOKENS = "failsoft.engine.cached_tokens"
OUTPUT_TOKENS = "failsoft.engine.output_tokens"
"""Not `gen_ai.usage.*`: who adds that up over a trace counts the router's attempts, and no token
twice."""

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
STREAMED = "gen_ai.request.stream"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"

CHAT = "chat"
INPUT, OUTPUT = "input", "output"


def _string(name: str, description: str, allowed: tuple[str, ...] = ()) -> AttributeName:
    return AttributeName(name=name, type=ValueType.STRING, description=description, allowed=allowed)


def _tokens(name: str, description: str) -> AttributeName:
    return AttributeName(name=name, type=ValueType.INT, description=description, unit="{token}")


def _seconds(name: str, description: str) -> AttributeName:
    return AttributeName(name=name, type=ValueType.FLOAT, description=description, unit="s")


_REFUSAL = _string(
    QUEUE_REFUSAL,
    "Why the request was not let in to the engine.",
    tuple(each.value for each in Reason),
)
_MODEL = _string(RESPONSE_MODEL, "OpenTelemetry GenAI: the model that answered.")
_PROVIDER = _string(PROVIDER, "OpenTelemetry GenAI: whose API or engine answers.")
_OPERATION = _string(OPERATION, "OpenTelemetry GenAI.", (CHAT,))
_TOKEN_TYPE = _string(
    "gen_ai.token.type", "OpenTelemetry GenAI: whether read or written.", (INPUT, OUTPUT)
)
_PROFILE = _string(PROFILE, "How big a model it is.")
_EVENT = _string(
    "failsoft.engine.event",
    "What happened to an engine.",
    tuple(each.value for each in EngineEvent),
)
_GENAI = (_OPERATION, _PROVIDER, _MODEL)

_DURATIONS = tuple(0.01 * 2**power for power in range(17))
"""OpenTelemetry's, which end at 82 seconds, and on to 655."""

REQUEST_DURATION = MetricName(
    name="gen_ai.server.request.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="OpenTelemetry GenAI: from a request's arrival to its end, however it ended.",
    labels=(*_GENAI, ERROR_TYPE),
    buckets=_DURATIONS,
)
TIME_TO_FIRST_TOKEN = MetricName(
    name="gen_ai.server.time_to_first_token",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="OpenTelemetry GenAI: from arrival to the first token, of whole answers.",
    labels=_GENAI,
    buckets=(
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5),
        *(10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    ),
)
TIME_PER_OUTPUT_TOKEN = MetricName(
    name="gen_ai.server.time_per_output_token",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="OpenTelemetry GenAI: of each token after the first, of whole answers.",
    labels=_GENAI,
    buckets=(
        *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
        *(1.0, 2.5),
    ),
)
TOKENS = MetricName(
    name="failsoft.tokens",
    type=MetricType.COUNTER,
    unit="{token}",
    description="Tokens that the engine was asked to read, and has written, also for nothing.",
    labels=(_TOKEN_TYPE, _MODEL),
)
TOKENS_CACHED = MetricName(
    name="failsoft.tokens.cached",
    type=MetricType.COUNTER,
    unit="{token}",
    description="Tokens of prompts that had not to be read again.",
    labels=(_MODEL,),
)
WAITED = MetricName(
    name=QUEUE_WAIT,
    type=MetricType.HISTOGRAM,
    unit="s",
    description="From a request to its turn at the engine.",
    buckets=(0.001, *_DURATIONS),
)
REFUSED = MetricName(
    name="failsoft.queue.refusals",
    type=MetricType.COUNTER,
    unit="{request}",
    description="Requests that were not let in to the engine.",
    labels=(_REFUSAL,),
)
WAITING = MetricName(
    name="failsoft.queue.requests",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{request}",
    description="Requests that wait for their turn.",
)
WAITING_TOKENS = MetricName(
    name="failsoft.queue.tokens",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{token}",
    description="Tokens of the requests that wait, their longest answers included.",
)
RUNNING = MetricName(
    name="failsoft.engine.requests",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{request}",
    description="Requests that the engine answers.",
)
KV_RESERVED = MetricName(
    name="failsoft.engine.kv.reserved",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{token}",
    description="Tokens of the KV cache that these may take in the end.",
)
KV_CAPACITY = MetricName(
    name="failsoft.engine.kv.capacity",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{token}",
    description="Tokens that the KV cache has room for; absent where that is not limited.",
)
UP = MetricName(
    name="failsoft.engine.up",
    type=MetricType.GAUGE,
    unit="",
    description="1 while a model answers.",
)
DEGRADED = MetricName(
    name="failsoft.engine.degraded",
    type=MetricType.GAUGE,
    unit="",
    description="1 while a smaller model answers because the best one cannot be had.",
)
INFO = MetricName(
    name="failsoft.engine.info",
    type=MetricType.GAUGE,
    unit="",
    description="Always 1; its labels say which model answers.",
    labels=(_MODEL, _PROVIDER, _PROFILE),
)
EVENTS = MetricName(
    name="failsoft.engine.events",
    type=MetricType.COUNTER,
    unit="{event}",
    description="What happened to engines.",
    labels=(_EVENT, _PROFILE),
)
START_DURATION = MetricName(
    name="failsoft.engine.start.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="From the start of an engine to its first answer.",
    labels=(_PROFILE,),
    buckets=(0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0),
)

METRICS = (
    *(REQUEST_DURATION, TIME_TO_FIRST_TOKEN, TIME_PER_OUTPUT_TOKEN, TOKENS, TOKENS_CACHED),
    *(WAITED, REFUSED, WAITING, WAITING_TOKENS, RUNNING, KV_RESERVED, KV_CAPACITY),
    *(UP, DEGRADED, INFO, EVENTS, START_DURATION),
)
NAMES: tuple[Name, ...] = (
    SpanName(name=QUEUE, description="A request waits until the engine is asked for it."),
    SpanName(name=PREFILL, description="The engine reads the prompt, until its first token."),
    SpanName(name=DECODE, description="The engine writes the answer, from its first token on."),
    _string(ATTEMPT_ID, "walk_id/hop/attempt."),
    _string(
        CRITICALITY,
        "How much it hurts to refuse the request.",
        tuple(each.value for each in Criticality),
    ),
    _string(
        DEGRADATION,
        "What the caller got instead of the best answer.",
        tuple(each.value for each in Degradation),
    ),
    _seconds(QUEUE_WAIT, "From the request to its turn at the engine."),
    _seconds(
        QUEUE_EXPECTED_WAIT,
        "What that was thought to take when it came; absent: nothing was measured yet.",
    ),
    _REFUSAL,
    _tokens(PROMPT_TOKENS, "Tokens of the prompt, the template's own included."),
    _tokens(
        CACHED_TOKENS, "Those of them that had not to be read again; absent: the engine tells none."
    ),
    _tokens(OUTPUT_TOKENS, "Tokens that were written, also for nothing."),
    *_GENAI,
    _string(REQUEST_MODEL, "OpenTelemetry GenAI: the model that was asked for."),
    AttributeName(
        name=STREAMED, type=ValueType.BOOL, description="OpenTelemetry GenAI: as a stream."
    ),
    AttributeName(
        name=FINISH_REASONS,
        type=ValueType.STRINGS,
        description="OpenTelemetry GenAI: why the answer ended.",
    ),
    *METRICS,
)
