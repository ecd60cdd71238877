"""What the generations of Gemini's models differ in, told by the model's id.

Nothing else says it before the call, and a model refuses a request that has a field of
another generation. An id without a generation, such as `gemini-flash-latest`, leads to a
current model. Of other families behind the same API, such as Gemma, and of names that a
proxy has given nothing is known: they are sent no field that not every model takes, and
are asked for what they may not have.
"""

import re

_GEMINI = re.compile(r"(?:models/)?gemini-(?P<generation>[0-9]+(?:\.[0-9]+)?)?", re.ASCII)

_THINKS_FROM = 2.5
_FETCHES_FROM = 2.5
_CHECKS_SIGNATURES_FROM = 3.0
_CALLS_BESIDE_JSON_FROM = 3.0
_CURRENT = 3.0


def thinks(model: str) -> bool:
    """Whether it takes `thinkingConfig`, and can show its thoughts."""
    return _generation(model) >= _THINKS_FROM


def checks_signatures(model: str) -> bool:
    """Whether it refuses a conversation in which a call has no thought signature."""
    return _generation(model) >= _CHECKS_SIGNATURES_FROM


def fetches(model: str) -> bool:
    """Whether it can be given a picture by its address."""
    return not 0.0 < _generation(model) < _FETCHES_FROM


def calls_beside_json(model: str) -> bool:
    """Whether an answer that has to be JSON may call tools instead."""
    return not 0.0 < _generation(model) < _CALLS_BESIDE_JSON_FROM


def _generation(model: str) -> float:
    """Its number; 0 for what is no Gemini."""
    match = _GEMINI.match(model)
    if match is None:
        return 0.0
    return float(match["generation"] or _CURRENT)
