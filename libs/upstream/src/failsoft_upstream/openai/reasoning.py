"""What OpenAI's models that reason refuse, although the others take it."""

import re
from collections.abc import Mapping

from failsoft_upstream.openai.errors import Rejected

_REASONING = re.compile(r"(o[1-9]|gpt-[5-9])(?!.*chat)")

_FIXED = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
"""Fields that may have their default only."""
_ABSENT = {"max_tokens": " Use 'max_completion_tokens' instead.", "stop": ""}
"""Fields that may not be there at all, and what is said of them."""


def check(model: str, fields: Mapping[str, object]) -> None:
    """Reject what a model of this name would not take.

    Raises:
        Rejected: One of the fields is not for it.
    """
    if _REASONING.match(model) is None:
        return
    for name, advice in _ABSENT.items():
        if fields.get(name) is not None:
            raise Rejected(
                f"Unsupported parameter: '{name}' is not supported with this model.{advice}",
                param=name,
                code="unsupported_parameter",
            )
    for name, default in _FIXED.items():
        if fields.get(name, default) not in (None, default):
            raise Rejected(
                f"Unsupported value: '{name}' does not support {fields[name]} with this model."
                f" Only the default ({default}) value is supported.",
                param=name,
                code="unsupported_value",
            )
