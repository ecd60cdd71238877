"""The pieces of a target that goes on, as pieces of the answer that another one began.

Its text goes on in the block that was cut, joined by a `Seam`; its other blocks come behind
that. Its reasoning cannot stand before text that was said already, so it is withheld where
there is some.
"""

from collections.abc import Iterator
from dataclasses import replace

from failsoft_model.events import BlockKind, Delta
from failsoft_router.core.rescue import Continuation
from failsoft_router.core.seam import Manner, Seam


class Splice:
    """One target's pieces, put behind what was said."""

    def __init__(self, going_on: Continuation, manner: Manner) -> None:
        self._seam = Seam(going_on.text, manner) if going_on.text else None
        self._block = going_on.block
        self._next_block = going_on.next_block
        self._numbers: dict[int, int] = {}
        """The answer's block numbers by the target's."""

    def take(self, delta: Delta) -> Iterator[Delta]:
        """What is to be handed on now that this has come.

        Raises:
            AnotherAnswer: The target does not go on.
        """
        if self._seam is None:
            yield self._numbered(delta)
        elif delta.kind is BlockKind.TEXT:
            if text := self._seam.feed(delta.text):
                yield replace(self._numbered(delta), text=text)
        elif delta.kind is not BlockKind.REASONING:
            yield from self.end()
            yield self._numbered(delta)

    def end(self) -> Iterator[Delta]:
        """What is left to be handed on when the target says no more, or no more text.

        Raises:
            AnotherAnswer: It has said a part of what was said already, and stopped.
        """
        if self._seam is not None and (text := self._seam.end()):
            yield Delta(text=text, block=self._text_block())

    def _numbered(self, delta: Delta) -> Delta:
        number = self._numbers.get(delta.block)
        if number is None:
            is_text = delta.kind is BlockKind.TEXT
            number = self._numbers[delta.block] = self._text_block() if is_text else self._new()
        return replace(delta, block=number)

    def _text_block(self) -> int:
        """The block that was cut, for the first text; every later one is new."""
        if self._block is None:
            return self._new()
        block, self._block = self._block, None
        return block

    def _new(self) -> int:
        number = self._next_block
        self._next_block += 1
        return number
