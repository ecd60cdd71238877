"""What the engine is told about choosing tokens: the caller's wishes over the model's defaults."""

from dataclasses import dataclass
from typing import TypeVar

from failsoft_model.chat import ResponseFormat, ResponseFormatKind, Sampling

_T = TypeVar("_T", int, float)
_PLAIN_TEXT = ResponseFormat()
_ANY_OBJECT = '{"type":"object"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds where the caller says nothing."""

    temperature: float
    top_p: float
    max_tokens: int
    """Tokens of an answer at most."""
    frequency_penalty: float
    """Holds only where the caller has said nothing about repetition at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What an answer must look like: exactly one is set. The engine may not be able to hold it."""

    schema_json: str = ""
    """JSON Schema that it matches."""
    regex: str = ""
    """Regular expression that matches it as a whole."""
    choices: tuple[str, ...] = ()
    """It is one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How one answer's tokens are chosen."""

    max_tokens: int
    """At least 1."""
    temperature: float
    """0.0: the most likely token always."""
    top_p: float = 1.0
    top_k: int | None = None
    """None: not limited."""
    seed: int | None = None
    """None: another answer every time; any 64-bit integer, negative ones too."""
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    form: Form | None = None
    """None: any text."""
    alternatives: int | None = None
    """Likeliest tokens that are told beside each one that was taken; None: no tokens are told."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """Tokens, and what is added to their logits."""


def decoding(
    sampling: Sampling,
    *,
    room: int,
    defaults: Defaults,
    response_format: ResponseFormat = _PLAIN_TEXT,
) -> Decoding:
    """How the tokens of an answer to that request are chosen.

    Args:
        sampling: The caller's wishes, already checked against the contract.
        room: Tokens that the context has left for the answer; at least 1.
        defaults: For what the caller left open.
        response_format: The form of the answer, checked likewise.
    """
    form = _form(response_format)
    says_nothing_of_repetition = (
        sampling.frequency_penalty is None and sampling.presence_penalty is None
    )
    # JSON repeats its quotes and braces by its nature.
    may_loop = says_nothing_of_repetition and form is None
    frequency_penalty = defaults.frequency_penalty if may_loop else 0.0
    return Decoding(
        max_tokens=min(room, _or(sampling.max_tokens, defaults.max_tokens)),
        temperature=_or(sampling.temperature, defaults.temperature),
        top_p=_or(sampling.top_p, defaults.top_p),
        top_k=sampling.top_k,
        seed=sampling.seed,
        presence_penalty=_or(sampling.presence_penalty, 0.0),
        frequency_penalty=_or(sampling.frequency_penalty, frequency_penalty),
        form=form,
        alternatives=sampling.top_logprobs if sampling.logprobs else None,
        logit_bias=sampling.logit_bias,
    )


def _form(response_format: ResponseFormat) -> Form | None:
    match response_format.kind:
        case ResponseFormatKind.TEXT:
            return None
        case ResponseFormatKind.JSON_OBJECT:
            return Form(schema_json=_ANY_OBJECT)
        case ResponseFormatKind.JSON_SCHEMA:
            return Form(schema_json=response_format.schema_json)
        case ResponseFormatKind.REGEX:
            return Form(regex=response_format.regex)
        case ResponseFormatKind.CHOICE:
            return Form(choices=response_format.choices)


def _or(wish: _T | None, default: _T) -> _T:
    return default if wish is None else wish
