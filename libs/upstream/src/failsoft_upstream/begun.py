"""An answer that another target began, as a conversation shows it, and ways to go on with it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from failsoft_upstream.faults import Resumption

_LAST_WORDS = re.compile(r"\S+(?:\s+\S+){0,3}\s*$")
"""Up to four words at the end of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What somebody said in a conversation."""

    is_users: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The assistant's last turn, behind which the user says nothing, or one thing.

    Attributes:
        question: What the user had said before it.
        said: The turn.
        is_last: Nothing is behind it: it is the beginning of the answer.
    """

    question: str
    said: str
    is_last: bool


def begun(turns: Sequence[Turn]) -> Begun | None:
    """The answer that was begun at the end of these turns; None: none was."""
    is_last = bool(turns) and not turns[-1].is_users
    place = len(turns) - (1 if is_last else 2)
    if place < 1 or turns[place].is_users:
        return None
    questions = [turn.text for turn in turns[:place] if turn.is_users]
    return Begun(
        question=questions[-1] if questions else "", said=turns[place].text, is_last=is_last
    )


def resumed(whole: str, said: str, how: Resumption) -> str:
    """What is said to go on, so that the answer is `whole`; all of it where it began otherwise."""
    if not whole.startswith(said) or how is Resumption.OVER:
        return whole
    rest = whole[len(said) :]
    if how is Resumption.ON:
        return rest
    last = _LAST_WORDS.search(said)
    return (last.group() if last else "") + rest
