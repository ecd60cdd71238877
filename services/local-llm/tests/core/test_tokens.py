"""Tokens leave with the text that they begin in, however text and tokens are cut."""

from hypothesis import given
from hypothesis import strategies as st

from failsoft_local_llm.core.answer import AnswerText
from failsoft_local_llm.core.tokens import ToldTokens
from failsoft_model.events import TokenLogprob


def token(data: bytes) -> TokenLogprob:
    return TokenLogprob(token=data.decode("utf-8", "replace"), logprob=-1.0, data=data)


def test_half_a_character_waits_for_the_other_half() -> None:
    tokens = ToldTokens()
    first, second = token(b"\xc3"), token(b"\xbc")

    tokens.feed([first])
    assert tokens.of("") == ()
    tokens.feed([second])
    assert tokens.of("ü") == (first, second)


def test_a_token_behind_the_text_is_not_told() -> None:
    """It is part of a stop string, which nobody is shown."""
    tokens, kept, cut = ToldTokens(), token(b"ab"), token(b"STOP")

    tokens.feed([kept, cut])

    assert tokens.of("ab") == (kept,)


@given(
    data=st.lists(st.binary(min_size=1, max_size=4), max_size=12),
    stops=st.lists(st.text("ab", min_size=1, max_size=2), max_size=2),
    chunks=st.integers(1, 4),
)
def test_the_tokens_that_were_told_are_the_text_that_was_given(
    data: list[bytes], stops: list[str], chunks: int
) -> None:
    """Whatever bytes the engine gives, and wherever the answer is cut."""
    answer, tokens, text = AnswerText(stops), ToldTokens(), ""
    told: list[TokenLogprob] = []
    for start in range(0, len(data), chunks):
        some = data[start : start + chunks]
        tokens.feed(map(token, some))
        piece = answer.feed(b"".join(some))
        text += piece
        told += tokens.of(piece)
        if answer.stopped:
            break

    said = b"".join(each.data for each in told).decode("utf-8", "replace")
    assert said[: len(text)] == text
    assert told == [token(each) for each in data[: len(told)]]
    if told:
        before = b"".join(each.data for each in told[:-1]).decode("utf-8", "ignore")
        assert len(before) <= len(text)
