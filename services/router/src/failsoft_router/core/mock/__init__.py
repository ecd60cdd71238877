"""The made-up answer at the end of a route: instant, in the form asked for, says what it is."""

from failsoft_router.core.mock.answer import MockAnswer, mock_answer, why_no_mock
from failsoft_router.core.mock.pieces import Piece
from failsoft_router.core.mock.refusal import CannotMock

__all__ = ["CannotMock", "MockAnswer", "Piece", "mock_answer", "why_no_mock"]
