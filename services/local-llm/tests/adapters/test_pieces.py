"""Cutting texts for a tokenizer that drops what is too long."""

from hypothesis import given
from hypothesis import strategies as st

from failsoft_local_llm.adapters.openvino.pieces import PIECE_CHARACTERS, pieces


@given(
    words=st.lists(st.text(max_size=9), max_size=9),
    filler=st.sampled_from(["x", "a ", "🙂", " ", ".\n"]),
    length=st.integers(0, 3 * PIECE_CHARACTERS),
)
def test_nothing_is_lost_and_no_piece_is_too_long(
    words: list[str], filler: str, length: int
) -> None:
    text = filler.join(words) + filler * length

    cut = list(pieces(text))

    assert "".join(cut) == text
    assert all(0 < len(piece.encode()) < 8192 for piece in cut)


def test_a_cut_comes_before_a_space_that_follows_a_word() -> None:
    """There a byte-level tokenizer cuts too, so the tokens stay what they were."""
    cut = list(pieces("seven words, and then some more. " * 200))

    assert len(cut) > 2
    assert all(piece.startswith(" ") for piece in cut[1:])
    assert all(piece[-1].isalnum() for piece in cut[:-1])


def test_an_empty_text_has_no_pieces() -> None:
    assert list(pieces("")) == []
