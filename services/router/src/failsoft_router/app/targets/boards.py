"""Which board is in force, and the boards that walks in flight still hold."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import TypeAlias

from failsoft_router.app.targets.board import Board
from failsoft_router.core.egress import Addresses
from failsoft_router.core.policy import Policy

NOWHERE: Addresses = MappingProxyType({})

MakeBoard: TypeAlias = Callable[[Policy, Addresses], Board]
"""Makes the board of a policy that comes into force."""


class Boards:
    """The board that walks begin with; those in flight keep theirs when it is replaced."""

    def __init__(self, policy: Policy, addresses: Addresses = NOWHERE, *, make: MakeBoard) -> None:
        """
        Args:
            addresses: Of its targets' hosts, as far as they are known.
        """
        self._make = make
        self.current = make(policy, addresses)
        self.current.uses.begin()

    def adopt(self, policy: Policy, addresses: Addresses = NOWHERE) -> None:
        """Put a policy in force, at once and as a whole."""
        before, self.current = self.current, self._make(policy, addresses)
        self.current.uses.begin()
        before.uses.end()

    @contextmanager
    def hold(self) -> Iterator[Board]:
        """The current board, whose targets stay reachable inside the block, whatever is adopted."""
        board = self.current
        board.uses.begin()
        try:
            yield board
        finally:
            board.uses.end()
