"""A mock text has the length that was asked for, and is streamed in pieces that read well."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsoft_router.core.language import Language
from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.length import Length, asked_length
from failsoft_router.core.mock.phrases import PHRASES
from failsoft_router.core.mock.pieces import LONGEST, pieces
from failsoft_router.core.mock.prose import prose
from failsoft_router.core.mock.tokens import shortened, tokens, words

ENGLISH = PHRASES[Language.ENGLISH]
TEXTS = st.text() | st.text(st.sampled_from("ab ,नि한漢é\u0301\u200d👩👍🏽🇩\ufe0f\n"))


def is_glued(character: str) -> bool:
    return unicodedata.combining(character) > 0 or character in "\u200d\ufe0f🏽"


# Tokens.


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        ("This is it.", ["This", " is", " it", "."]),
        ('{"a": 1}', ["{", '"', "a", '"', ":", " 1", "}"]),
        ("漢字です", ["漢", "字", "で", "す"]),
        ("नमस्ते जी", ["नमस्ते", " जी"]),
        ("e\u0301a!", ["e\u0301a", "!"]),
        ("1\ufe0f\u20e3!", ["1\ufe0f\u20e3", "!"]),
        ("👩\u200d👩\u200d👧👍🏽", ["👩\u200d👩\u200d👧", "👍🏽"]),
        ("ok 🇩🇪!", ["ok", " 🇩🇪", "!"]),
        ("  a  ", ["  a", "  "]),
        ("a_b 1", ["a_b", " 1"]),
    ],
)
def test_a_token_is_a_word_or_a_sign_with_the_space_before_it(text: str, cut: list[str]) -> None:
    assert tokens(text) == cut


@given(TEXTS)
def test_tokens_are_the_text_and_part_nothing_that_belongs_together(text: str) -> None:
    found = tokens(text)

    assert "".join(found) == text
    assert not any(is_glued(token[0]) for token in found[1:])
    assert not any(token.endswith("\u200d") for token in found[:-1])


@given(TEXTS, st.integers(0, 20))
def test_a_shortened_text_parts_nothing_that_belongs_together(text: str, limit: int) -> None:
    short = shortened(text, limit)
    rest = text[len(short) :]

    assert text.startswith(short)
    assert len(short) <= limit
    assert not (short and rest and is_glued(rest[0]))
    assert not (rest and short.endswith("\u200d"))


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("mock", 3, "moc"),
        ("mock", 9, "mock"),
        ("ae\u0301", 2, "a"),
        ("a👩\u200d👧", 3, "a"),
        ("a👩\u200d👧", 4, "a👩\u200d👧"),
        ("a👍🏽b", 2, "a"),
    ],
)
def test_what_does_not_fit_is_left_out_whole(text: str, limit: int, short: str) -> None:
    assert shortened(text, limit) == short


# Pieces.


@given(TEXTS, st.binary(max_size=2))
def test_pieces_are_the_text_within_the_time(text: str, key: bytes) -> None:
    said = pieces(text, Draws(key))

    assert "".join(piece.text for piece in said) == text
    assert all(piece.text and piece.pause > 0 for piece in said)
    assert sum(piece.pause for piece in said) <= LONGEST + 1e-6
    assert said == pieces(text, Draws(key))


def test_a_long_text_is_said_in_no_more_pieces_and_time_than_a_reader_can_follow() -> None:
    said = pieces("word " * 5000, Draws(b""))

    assert len(said) <= 64
    assert sum(piece.pause for piece in said) == pytest.approx(LONGEST, abs=0.5)


def test_the_first_piece_takes_longest_as_a_models_does() -> None:
    first, *later = pieces(ENGLISH.opening, Draws(b""))

    assert first.pause > max(piece.pause for piece in later)


# Length.


@pytest.mark.parametrize(
    ("question", "language", "length"),
    [
        ("Tell me in one sentence.", Language.ENGLISH, Length(sentences=1)),
        ("A single-sentence answer, please", Language.ENGLISH, Length(sentences=1)),
        ("Answer in 5 sentences or 200 words", Language.ENGLISH, Length(words=200, sentences=5)),
        ("a 50-word summary", Language.ENGLISH, Length(words=50)),
        ("in 999999 words", Language.ENGLISH, Length(words=400)),
        ("in 0 sentences", Language.ENGLISH, Length(sentences=1)),
        ("in 1234567890 words", Language.ENGLISH, Length()),
        ("Why is the sky blue?", Language.ENGLISH, Length()),
        ("In einem Satz und 20 Wörtern", Language.GERMAN, Length(words=20, sentences=1)),
        ("en une phrase, en 30 mots", Language.FRENCH, Length(words=30, sentences=1)),
        ("en una sola frase", Language.SPANISH, Length(sentences=1)),
        ("en 3 oraciones", Language.SPANISH, Length(sentences=3)),
        ("in 4 frasi e 50 parole", Language.ITALIAN, Length(words=50, sentences=4)),
        ("em uma única frase", Language.PORTUGUESE, Length(sentences=1)),
        ("in één zin", Language.DUTCH, Length(sentences=1)),
        ("одним предложением", Language.RUSSIAN, Length(sentences=1)),
        ("в 30 словах", Language.RUSSIAN, Length(words=30)),
        ("σε μία πρόταση", Language.GREEK, Length(sentences=1)),
        ("في جملة واحدة", Language.ARABIC, Length(sentences=1)),
        ("במשפט אחד", Language.HEBREW, Length(sentences=1)),
        ("用一句话回答", Language.CHINESE, Length(sentences=1)),
        ("写200字", Language.CHINESE, Length(words=200)),
        ("一文で答えて", Language.JAPANESE, Length(sentences=1)),
        ("200文字で", Language.JAPANESE, Length(words=200)),
        ("한 문장으로", Language.KOREAN, Length(sentences=1)),
        ("एक वाक्य में", Language.HINDI, Length(sentences=1)),
    ],
)
def test_the_length_is_read_from_the_question(
    question: str, language: Language, length: Length
) -> None:
    assert asked_length(question, language) == length


def test_the_length_is_looked_for_at_both_ends_of_a_long_question() -> None:
    filling = "x" * 100_000

    assert asked_length("in 7 words " + filling, Language.ENGLISH) == Length(words=7)
    assert asked_length(filling + " in 7 words", Language.ENGLISH) == Length(words=7)


@pytest.mark.parametrize(
    ("size", "length"), [(4000, Length(words=7)), (4001, Length()), (6000, Length())]
)
def test_the_middle_of_a_long_question_is_its_subject(size: int, length: Length) -> None:
    half = "x" * (size // 2 - 5)

    question = f"{half} 7 words ".ljust(size, "x")

    assert asked_length(question, Language.ENGLISH) == length
    assert asked_length(question.replace(" 7 words ", "x" * 9), Language.ENGLISH) == Length()


@settings(max_examples=40)
@given(st.sampled_from(Language), st.integers(1, 400), st.binary(max_size=2))
def test_the_text_has_the_words_that_were_asked_for(
    language: Language, count: int, key: bytes
) -> None:
    """Whole sentences only, so a little less; the first always, so at times more."""
    text = prose(PHRASES[language], Length(words=count), Draws(key))
    opening = words(PHRASES[language].opening)

    assert text.startswith(PHRASES[language].opening)
    assert count - 40 <= words(text) <= max(count, opening)


@given(st.integers(1, 30), st.binary(max_size=2))
def test_the_text_has_the_sentences_that_were_asked_for(count: int, key: bytes) -> None:
    text = prose(ENGLISH, Length(sentences=count), Draws(key))

    assert text.startswith(ENGLISH.opening)
    assert text.count(".") == count
    assert text.endswith(ENGLISH.closing) is (count > 2)
