"""The language of a question is told from a few words of it."""

# ruff: noqa: RUF001 - these are questions in other scripts

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.language import Language, language_of
from failsoft_router.core.mock.phrases import PHRASES

QUESTIONS = {
    Language.ENGLISH: ["What is the capital of France?", "Please summarize this.", "Hello!"],
    Language.GERMAN: [
        "Was kann das sein?",
        "Schreib mir ein Gedicht über Äpfel",
        "größer",
    ],  # codespell:ignore
    Language.FRENCH: ["Qu'est-ce que c'est ?", "Écris un poème, pour moi", "Bonjour"],
    Language.SPANISH: ["¿Cómo se dice esto?", "Escribe un poema para mi hermana", "Hola"],
    Language.ITALIAN: ["Che cosa è?", "Puoi spiegarmi perché il cielo è blu?", "Ciao"],
    Language.PORTUGUESE: ["O que é isso?", "Você pode me explicar como funciona?", "Olá"],
    Language.DUTCH: ["Wat is de hoofdstad van Frankrijk?", "Kun je mij het verschil uitleggen?"],
    Language.RUSSIAN: ["Привет, как дела?", "Объясни, что делает print(x) в Python"],
    Language.GREEK: ["Ποια είναι η πρωτεύουσα της Γαλλίας;"],
    Language.ARABIC: ["ما هي عاصمة فرنسا؟"],
    Language.HEBREW: ["מהי בירת צרפת?"],
    Language.CHINESE: ["法国的首都是哪里？", "用 Python 写一个函数"],
    Language.JAPANESE: ["フランスの首都はどこですか？", "東京都庁の所在地を教えて"],
    Language.KOREAN: ["프랑스의 수도는 어디인가요?", "Python 함수 작성해 줘"],
    Language.HINDI: ["फ़्रांस की राजधानी क्या है?"],
}


@pytest.mark.parametrize(
    ("question", "language"),
    [(question, language) for language, asked in QUESTIONS.items() for question in asked],
)
def test_a_question_tells_its_language(question: str, language: Language) -> None:
    assert language_of(question) is language


@pytest.mark.parametrize(
    "question",
    [
        "",
        "12 + 30 = ?",
        "Jak się masz, kolego?",
        "Hur mår du på måndag, är allt bra?",
        "Що це таке?",
        "Як тебе звуть?",
        "آیا می‌توانید کمک کنید؟",
        "xyzzy plugh",
        "hello Łukasz",
    ],
)
def test_a_language_that_is_not_spoken_is_not_taken_for_its_neighbour(question: str) -> None:
    assert language_of(question) is None


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What does 你好 mean?", Language.ENGLISH),
        ("Translate 'こんにちは' to English, please", Language.ENGLISH),
        ("Was bedeutet «привет» in dem Satz?", Language.GERMAN),
        (
            "Wie heißt der Bürgermeister von Łódź und wo lebt er?",
            Language.GERMAN,
        ),  # codespell:ignore
    ],
)
def test_a_foreign_word_in_a_question_is_not_its_language(
    question: str, language: Language
) -> None:
    assert language_of(question) is language


def test_one_kana_in_eleven_letters_makes_chinese_japanese() -> None:
    assert language_of("漢" * 10 + "の") is Language.JAPANESE
    assert language_of("漢" * 11 + "の") is Language.CHINESE


@pytest.mark.parametrize("language", Language)
def test_every_language_says_that_it_is_a_mock(language: Language) -> None:
    phrases = PHRASES[language]

    assert "mock" in phrases.label.lower()
    assert "mock" in phrases.opening.lower()


@pytest.mark.parametrize("language", Language)
def test_every_language_is_told_from_its_own_sentences(language: Language) -> None:
    phrases = PHRASES[language]

    for text in (phrases.opening, " ".join(phrases.middle)):
        assert language_of(text) is language


@given(st.text())
def test_any_text_has_a_language_or_none(text: str) -> None:
    language_of(text)
