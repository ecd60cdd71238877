"""The errors of this service that a caller can act on, beside those that every service has."""

from typing import Self

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
