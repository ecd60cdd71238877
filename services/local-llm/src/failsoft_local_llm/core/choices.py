"""Choices as the grammar that both engines compile."""

from collections.abc import Sequence

_ESCAPES = {'"': '\\"', "\\": "\\\\"}


def choice_grammar(choices: Sequence[str]) -> str:
    """The EBNF of "one of these, as it is written".

    Args:
        choices: At least one; none is empty or has a NUL, which no grammar can hold.
    """
    return "root ::= " + " | ".join(f'"{"".join(map(_escaped, choice))}"' for choice in choices)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
