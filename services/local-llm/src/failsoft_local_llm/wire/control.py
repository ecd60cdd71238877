"""Control tokens: what callers write never becomes one.

A tokenizer takes `<|im_end|>` for the token that ends a turn, whoever has written it. A caller
whose text ends its own turn and begins one of the system's would speak with the operator's voice.

    defuse   cuts each control token that is spelled out in a caller's text
    pieces   takes the prompt apart at those cuts

Pieces are tokenised each for itself, so a token that was cut is read as the characters that it
is spelled with: nothing of the text is lost, and the model sees what was written.
The tokens of the template's own stay whole, each at the beginning of a piece.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

_CUT = "\ufdd0"
"""Marks a cut. Unicode has set it aside for such use: no text that is exchanged contains it."""
_REPLACEMENT = "\ufffd"
_NEVER = "(?!)"


class ControlTokens:
    """The control tokens of one model."""

    def __init__(self, texts: Collection[str]) -> None:
        """
        Args:
            texts: How they are spelled. One of a single character cannot be told from a text
                that contains it, so it is not one here.
        """
        spelled = sorted((text for text in texts if len(text) > 1), key=len, reverse=True)
        self._whole = _any_of(re.escape(text) for text in spelled)
        # The first character alone, so that tokens which overlap are all found.
        self._begin = _any_of(f"{re.escape(text[0])}(?={re.escape(text[1:])})" for text in spelled)

    def defuse(self, text: str) -> str:
        """A caller's text with a cut inside each control token."""
        text = text.replace(_CUT, _REPLACEMENT)
        return self._begin.sub(lambda begin: begin[0] + _CUT, text)

    def pieces(self, prompt: str) -> tuple[str, ...]:
        """A prompt whose callers' texts are defused, as texts to be tokenised apart; none empty."""
        return tuple(
            piece for part in prompt.split(_CUT) for piece in self._at_tokens(part) if piece
        )

    def _at_tokens(self, part: str) -> Iterator[str]:
        begins = (token.start() for token in self._whole.finditer(part))
        return (part[start:end] for start, end in pairwise((0, *begins, len(part))))


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or _NEVER)
