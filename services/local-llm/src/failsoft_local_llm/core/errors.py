"""The errors of this service that a caller can act on, beside those that every service has."""

from collections.abc import Sequence
from typing import Self

from failsoft_local_llm.core.schema import Problem
from failsoft_model.chat import ChatRequest, ResponseFormatKind
from failsoft_model.errors import Code, FailsoftError, FieldViolation, InvalidRequest, Overloaded

_SCHEMA = "chat.response_format.schema_json"
_REGEX = "chat.response_format.regex"
_CHOICES = "chat.response_format.choices"
_BIAS = "chat.sampling.logit_bias"
_TOOLS = "chat.tools"
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


class ReaderStalled(FailsoftError):
    """The caller took nothing of its stream for a minute, so nothing more is sent."""

    code = Code.ABORTED
    reason = "READER_STALLED"


def no_room(*, retry_after: float) -> Overloaded:
    """The engine has no memory for a request that it was to answer.

    Args:
        retry_after: Seconds until there will probably be some.
    """
    return Overloaded(
        "the model has no room: the engine did not take the request", retry_after=retry_after
    )


def form_refused(request: ChatRequest) -> Unsupported:
    """The engine cannot hold an answer to the form of this request, or to those of its tools."""
    simpler = "say it in simpler words of JSON Schema"
    if request.callable_tools:
        return tools_refused(f"the engine cannot hold a call to their parameters: {simpler}")
    match request.response_format.kind:
        case ResponseFormatKind.REGEX:
            return regex_refused("the engine cannot compile it")
        case ResponseFormatKind.CHOICE:
            return _refused(_CHOICES, "the engine cannot hold an answer to them: ask for fewer")
        case _:
            return _refused(_SCHEMA, f"the engine cannot hold an answer to it: {simpler}")


def regex_refused(why: str) -> Unsupported:
    """No answer can be held to the request's regular expression."""
    return _refused(
        _REGEX, f"{why}: use literals, classes, groups, alternatives and repetitions only"
    )


def tokens_unknown() -> Unsupported:
    """A bias is for a token that the model does not have."""
    return _refused(
        _BIAS, "a token id is not in this model's vocabulary: take the ids of its own tokenizer"
    )


def told_and_called() -> Unsupported:
    """Tokens are to be told of an answer that may call tools."""
    return _refused(
        "chat.sampling.logprobs",
        "this model does not tell the tokens of an answer that may call tools: leave it unset, or"
        " set tool_choice to TOOL_CHOICE_MODE_NONE",
    )


def _refused(field: str, description: str) -> Unsupported:
    return Unsupported(
        f"{field}: {description}",
        violations=[FieldViolation(field=field, description=description)],
    )


def schema_refused(problems: Sequence[Problem]) -> Unsupported:
    """No answer can be held to this part of the request's schema, of which there is some."""
    return _each_refused(_SCHEMA, problems)


def parameters_refused(tool: int, problems: Sequence[Problem]) -> Unsupported:
    """No call can be held to this part of the parameters of that tool, of which there is some.

    Args:
        tool: Its place among the request's tools.
    """
    return _each_refused(f"{_TOOLS}[{tool}].parameters_json", problems)


def tools_refused(why: str) -> Unsupported:
    """No call can be held to the parameters of the request's tools, taken together."""
    return _refused(_TOOLS, why)


def _each_refused(field: str, problems: Sequence[Problem]) -> Unsupported:
    return Unsupported(
        f"{field}: {problems[0]}",
        violations=[
            FieldViolation(field=field, description=str(problem))
            for problem in problems[:_MOST_PROBLEMS]
        ],
    )
