"""What callers write is never a control token, and loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_local_llm.wire.control import ControlTokens

TOKENS = frozenset({"<a>", "<a><a>", "a><", "((", "(((", "x"})
CUT = "\ufdd0"


@given(st.text(alphabet=f"<a>(x{CUT}", max_size=40))
def test_no_piece_of_a_callers_text_contains_a_control_token(text: str) -> None:
    """Whatever they overlap with, and with our own mark in between."""
    control = ControlTokens(TOKENS)

    pieces = control.pieces(control.defuse(text))

    assert not [token for token in TOKENS - {"x"} for piece in pieces if token in piece]
    assert "".join(pieces) == text.replace(CUT, "\ufffd")


def test_text_without_control_tokens_stays_in_one_piece() -> None:
    control = ControlTokens(TOKENS)

    assert control.pieces(control.defuse("1 < a > 0")) == ("1 < a > 0",)


@pytest.mark.parametrize("texts", [frozenset[str](), frozenset({"x"})])
def test_a_model_without_such_tokens_takes_every_text_as_it_is(texts: frozenset[str]) -> None:
    control = ControlTokens(texts)

    assert control.pieces(control.defuse("x <a>")) == ("x <a>",)


def test_nothing_at_all_is_no_piece() -> None:
    assert ControlTokens(TOKENS).pieces("") == ()
