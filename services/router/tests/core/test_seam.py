"""An answer that two targets told reads as one: nothing is missing and nothing is said twice."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.seam import LONGEST_OVERLAP, AnotherAnswer, Manner, Seam

TEXTS = (
    "The quick brown fox jumps over the lazy dog, and then it sleeps until noon.\n\nA new day!",
    "C'est l'été à Besançon ; les élèves révisent leur leçon, puis ils vont nager.",
    "Быстрая лиса прыгает через ленивую собаку, а потом спит до обеда.",  # noqa: RUF001 - Russian
    "中文回答：北京是中国的首都，人口超过两千万，历史十分悠久。",  # noqa: RUF001 - Chinese
    "これは日本語の答えです。東京は日本の首都で、人口は約千四百万人です。",
    "कुत्ता सोता है और बिल्ली खिड़की पर बैठी है।",
    "ثعلب سريع يقفز فوق كلب كسول ثم ينام حتى الظهر.",
    "Weather: 👩‍👩‍👧‍👦 go out 🇩🇪🇫🇷, thumbs 👍🏽 up, cafe\u0301 is open ☕️ today.",
    "He said: ha ha ha, it is very, very funny... no, no, no! 10 10 10 and 100100.",
    "1. one\n2. two\n\n```python\nprint('x')\nprint('x')\n```\n\n   done",
)
MANNERS = (Manner.PREFILLED, Manner.INSTRUCTED)


def handed_on(said: str, pieces: Iterable[str], manner: Manner) -> str:
    """What a reader of the whole answer has."""
    seam = Seam(said, manner)
    return said + "".join(seam.feed(piece) for piece in pieces) + seam.end()


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, int]:
    """A text and where its first target died."""
    text = draw(st.sampled_from(TEXTS))
    return text, draw(st.integers(1, len(text)))


@st.composite
def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    """The text, cut anywhere."""
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@given(cut=cut_texts(), manner=st.sampled_from(MANNERS), data=st.data())
def test_who_goes_on_is_heard_whole(
    cut: tuple[str, int], manner: Manner, data: st.DataObject
) -> None:
    """It was given the text without the blank space at its end, and says that again."""
    text, place = cut
    said = text[:place]
    pieces = data.draw(pieces_of(text[len(said.rstrip()) :]))

    assert handed_on(said, pieces, manner) == text


@given(cut=cut_texts(), data=st.data())
def test_who_was_given_the_very_tokens_is_never_touched(
    cut: tuple[str, int], data: st.DataObject
) -> None:
    text, place = cut
    pieces = data.draw(pieces_of(text + text[place:]))

    assert handed_on(text[:place], pieces, Manner.EXACT) == text[:place] + text + text[place:]


@given(cut=cut_texts(), manner=st.sampled_from(MANNERS), data=st.data())
def test_what_is_said_again_from_the_beginning_is_withheld(
    cut: tuple[str, int], manner: Manner, data: st.DataObject
) -> None:
    text, place = cut

    assert handed_on(text[:place], data.draw(pieces_of(text)), manner) == text


@pytest.mark.parametrize(
    ("said", "comes"),
    [
        ("The quick brown fox jumps over", "brown fox jumps over the lazy dog."),
        ("The quick brown fox jumps over ", "brown fox jumps over the lazy dog."),
        ("The quick brown fox jumps ov", "fox jumps over the lazy dog."),
        ("The quick brown fox jum", "jumps over the lazy dog."),
        ("The quick brown fox jumps", " brown fox jumps over the lazy dog."),
    ],
)
def test_a_run_up_with_the_last_words_is_withheld(said: str, comes: str) -> None:
    whole = "The quick brown fox jumps over the lazy dog."

    for size in (1, 2, 5, 100):
        pieces = [comes[start : start + size] for start in range(0, len(comes), size)]
        assert handed_on(said, pieces, Manner.INSTRUCTED) == whole


def test_scripts_without_spaces_have_run_ups_too() -> None:
    assert handed_on("北京是中国的首都", "是中国的首都，人口", Manner.INSTRUCTED) == (  # noqa: RUF001
        "北京是中国的首都，人口"  # noqa: RUF001 - Chinese
    )


@pytest.mark.parametrize(
    ("said", "comes"),
    [
        ("ha ha ha", " ha ha ha!"),
        ("haha", "haha!"),
        ("It is very, very", " very good."),
        ("no, no,", " no, no!"),
        ("10010", "010 of them"),
        ("and so on ...", "... and on"),
        ("un deux trois", " trois deux un"),
        ("👍👍👍", "👍👍"),
    ],
)
@pytest.mark.parametrize("manner", MANNERS)
def test_who_says_a_thing_again_and_again_may_go_on(said: str, comes: str, manner: Manner) -> None:
    assert handed_on("I say: " + said, [comes], manner) == "I say: " + said + comes
    assert handed_on("I say: " + said, list(comes), manner) == "I say: " + said + comes


def test_a_laugh_is_no_new_start() -> None:
    assert handed_on("haha", ["haha!"], Manner.INSTRUCTED) == "hahahaha!"


def test_blank_space_is_neither_lost_nor_doubled() -> None:
    for gap in (" ", "\n", "\n\n", "  \n"):
        whole = f"One.{gap}Two."
        for kept in range(len(gap) + 1):
            said = "One." + gap[:kept]
            assert handed_on(said, list(gap + "Two."), Manner.PREFILLED) == whole


def test_another_answer_is_recognised_when_it_parts_from_what_was_said() -> None:
    seam = Seam("The capital of France is Paris, and it lies on the Seine.", Manner.INSTRUCTED)
    assert seam.feed("The capital of France is") == ""

    with pytest.raises(AnotherAnswer):
        seam.feed(" called Paris.")


def test_an_answer_that_ends_within_what_was_said_is_another_one() -> None:
    seam = Seam("The capital of France is Paris, and it lies on the Seine.", Manner.INSTRUCTED)
    seam.feed("The capital of France is Paris")

    with pytest.raises(AnotherAnswer):
        seam.end()


def test_a_few_letters_in_common_are_chance() -> None:
    said = "The capital of France is Paris."

    assert handed_on(said, [" ", "The city", " is old."], Manner.INSTRUCTED) == (
        said + " The city is old."
    )
    assert handed_on(said, ["The", " city"], Manner.INSTRUCTED) == said + "The city"
    assert handed_on(said, ["The cap"], Manner.INSTRUCTED) == said + "The cap"


def test_a_model_that_was_given_its_own_turn_is_believed_for_longer() -> None:
    """A song has a refrain, and its second verse begins like the first."""
    said = "Row, row, row your boat, gently down the stream.\n"
    second = "\nRow, row, row your boat, and then go home again."

    assert handed_on(said.rstrip(), [second], Manner.PREFILLED) == said.rstrip() + second


def test_the_end_of_what_was_said_is_looked_for_no_further_than_needed() -> None:
    """What is withheld reaches the reader as soon as it cannot be a repetition any more."""
    seam = Seam("abc " * 1000, Manner.INSTRUCTED)

    assert seam.feed("zoo") == "zoo"
    assert seam.feed("abc") == "abc"


def test_what_is_withheld_of_an_overlap_is_bounded() -> None:
    seam = Seam("x" * 5000 + "ab" * LONGEST_OVERLAP, Manner.PREFILLED)
    given = "".join(seam.feed("ab") for _ in range(LONGEST_OVERLAP))

    assert len(given) >= LONGEST_OVERLAP


def test_a_million_letters_that_are_said_again_are_withheld_quickly() -> None:
    said = "".join(f"{number} " for number in range(200_000))
    seam = Seam(said, Manner.INSTRUCTED)
    for start in range(0, len(said), 4):
        assert seam.feed(said[start : start + 4]) == ""

    assert seam.feed("and on") == "and on"
