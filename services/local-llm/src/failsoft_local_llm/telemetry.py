"""Every name that this service's spans use besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.telemetry import AttributeName, Name, ValueType
from failsoft_local_llm.core.admission.ticket import Sort
from failsoft_model.chat import Degradation

ATTEMPT_ID = "failsoft.attempt.id"
DEGRADATION = "failsoft.degradation"
QUEUE_WAIT = "failsoft.queue.wait"
QUEUE_REFUSAL = "failsoft.queue.refusal"
RESPONSE_MODEL = "gen_ai.response.model"

NAMES: tuple[Name, ...] = (
    AttributeName(name=ATTEMPT_ID, type=ValueType.STRING, description="walk_id/hop/attempt."),
    AttributeName(
        name=DEGRADATION,
        type=ValueType.STRING,
        description="What the caller got instead of the best answer.",
        allowed=tuple(each.value for each in Degradation),
    ),
    AttributeName(
        name=QUEUE_WAIT,
        type=ValueType.FLOAT,
        unit="s",
        description="From the request to its turn at the engine.",
    ),
    AttributeName(
        name=QUEUE_REFUSAL,
        type=ValueType.STRING,
        description="Why the request was not let in to the engine.",
        allowed=tuple(each.value for each in Sort),
    ),
    AttributeName(
        name=RESPONSE_MODEL,
        type=ValueType.STRING,
        description="OpenTelemetry GenAI: the model that answered.",
    ),
)
