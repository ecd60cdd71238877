"""What a look-alike says."""

from hypothesis import given
from hypothesis import strategies as st

from failsoft_upstream.answer import Answer, Question, Style, answer, count_tokens
from failsoft_upstream.faults import FinishReason

PLAIN = Style()


def ask(
    text: str = "Why?",
    *,
    style: Style = PLAIN,
    max_tokens: int | None = None,
    stops: tuple[str, ...] = (),
) -> Answer:
    question = Question(model="mini", text=text, tokens=7, max_tokens=max_tokens, stops=stops)
    return answer(question, style)


def text_of(given: Answer) -> str:
    return "".join(content.text for content in given.contents)


def test_the_answer_takes_up_the_question() -> None:
    assert text_of(ask("Why  is\nthe sky blue?")).startswith("You asked: “Why is the sky blue?”")


def test_a_long_question_is_not_repeated_whole() -> None:
    assert len(text_of(ask("why " * 1000))) < 300


@given(st.integers(1, 80), st.integers(1, 7))
def test_an_answer_has_the_chunks_and_tokens_it_was_asked_for(chunks: int, tokens: int) -> None:
    given = ask(style=Style(chunks=chunks, tokens_per_chunk=tokens))
    assert [content.tokens for content in given.contents] == [tokens] * chunks
    assert count_tokens(text_of(given)) == chunks * tokens


def test_max_tokens_ends_an_answer_with_length() -> None:
    given = ask(max_tokens=3)
    assert (text_of(given), given.reason) == ("You asked:", FinishReason.LENGTH)


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    assert ask(max_tokens=10_000) == ask()


def test_the_first_stop_ends_an_answer_and_is_not_said() -> None:
    given = ask(stops=("answer", "the an", "nowhere"))
    assert text_of(given).endswith("This is ")
    assert given.reason is FinishReason.STOP


def test_a_stop_beyond_the_limit_never_comes() -> None:
    assert ask(max_tokens=3, stops=("answer",)).reason is FinishReason.LENGTH


@given(st.text())
def test_nothing_of_a_text_is_lost_in_tokens(text: str) -> None:
    given = ask(text, style=Style(tokens_per_chunk=3))
    again = ask(text, style=Style(tokens_per_chunk=1000))
    assert text_of(given) == text_of(again)
