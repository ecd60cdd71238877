"""The errors of this service that a caller can act on, beside those that every service has."""

from typing import Self

from failsoft_model.chat import ChatRequest
from failsoft_model.errors import Code, FailsoftError, FieldViolation, InvalidRequest


class ModelNotFound(FailsoftError):
    """The request names a model that is not served here."""

    code = Code.NOT_FOUND
    reason = "ROUTE_NOT_FOUND"


class Unsupported(InvalidRequest):
    """The request asks for something that the model or its engine cannot do."""

    reason = "UNSUPPORTED"


class ContextLengthExceeded(InvalidRequest):
    """The conversation leaves no room for an answer in the model's context."""

    reason = "CONTEXT_LENGTH"

    @classmethod
    def of(cls, *, tokens: int, allowed: int) -> Self:
        """
        Args:
            tokens: Tokens of the conversation, the template's own included.
            allowed: The most that still leaves room for one token of an answer.
        """
        counted = f"the conversation has {tokens} tokens, at most {allowed} are allowed"
        return cls(
            counted,
            metadata={"tokens": str(tokens), "allowedTokens": str(allowed)},
            violations=[FieldViolation(field="chat.messages", description=counted)],
        )


class EngineUnavailable(FailsoftError):
    """The model is loading, or its engine has died and is being started again."""

    code = Code.UNAVAILABLE
    reason = "ENGINE_UNAVAILABLE"


def form_refused(request: ChatRequest) -> Unsupported:
    """The engine cannot hold an answer to the schema of this request, or to those of its tools."""
    if request.tools:
        field, what = "chat.tools", "a tool's parameters"
    else:
        field, what = "chat.response_format.schema_json", "the schema"
    description = (
        f"the engine cannot hold an answer to {what}: say it in simpler words of JSON Schema"
    )
    return Unsupported(
        description, violations=[FieldViolation(field=field, description=description)]
    )
