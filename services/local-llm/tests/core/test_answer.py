"""Text out of bytes that were cut anywhere."""

from hypothesis import given
from hypothesis import strategies as st

from failsoft_local_llm.core.answer import AnswerText


@given(text=st.text(max_size=20), size=st.integers(1, 5))
def test_characters_survive_every_cut(text: str, size: int) -> None:
    data = text.encode()
    answer = AnswerText([])

    said = [answer.feed(data[start : start + size]) for start in range(0, len(data), size)]

    assert "".join(said) + answer.finish() == text


def test_half_a_character_never_leaves() -> None:
    """An answer that is cut by its limit inside an emoji ends before it."""
    answer = AnswerText([])

    assert answer.feed(b"ok \xf0\x9f") == "ok "
    assert answer.finish() == ""


def test_bytes_that_are_no_character_are_shown_as_such() -> None:
    answer = AnswerText([])

    assert answer.feed(b"a\xffb") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_stop_string_is_found_where_its_characters_come_in_halves() -> None:
    answer = AnswerText(["🎉"])

    said = [answer.feed(bytes([byte])) for byte in "hip🎉hooray".encode()]

    assert "".join(said) == "hip"
    assert answer.stopped
