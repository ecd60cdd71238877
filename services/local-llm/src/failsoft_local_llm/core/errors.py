"""The errors of this service that a caller can act on, beside those that every service has."""

from collections.abc import Sequence
from typing import Self

from failsoft_local_llm.core.schema import Problem
from failsoft_model.chat import ChatRequest
from failsoft_model.errors import Code, FailsoftError, FieldViolation, InvalidRequest, Overloaded

_SCHEMA = "chat.response_format.schema_json"
_MOST_PROBLEMS = 8


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


def no_room(*, retry_after: float) -> Overloaded:
    """The engine has no memory for a request that it was to answer.

    Args:
        retry_after: Seconds until there will probably be some.
    """
    return Overloaded(
        "the model has no room: the engine did not take the request", retry_after=retry_after
    )


def form_refused(request: ChatRequest) -> Unsupported:
    """The engine cannot hold an answer to the schema of this request, or to those of its tools."""
    if request.tools:
        field, what = "chat.tools", "a tool's parameters"
    else:
        field, what = _SCHEMA, "the schema"
    description = (
        f"the engine cannot hold an answer to {what}: say it in simpler words of JSON Schema"
    )
    return Unsupported(
        description, violations=[FieldViolation(field=field, description=description)]
    )


def schema_refused(problems: Sequence[Problem]) -> Unsupported:
    """No answer can be held to this part of the request's schema, of which there is some."""
    return Unsupported(
        f"{_SCHEMA}: {problems[0]}",
        violations=[
            FieldViolation(field=_SCHEMA, description=str(problem))
            for problem in problems[:_MOST_PROBLEMS]
        ],
    )
