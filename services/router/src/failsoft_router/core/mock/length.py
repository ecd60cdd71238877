"""How long an answer was asked for, read from the question."""

# ruff: noqa: RUF001 - these are words in other scripts

import re
from collections.abc import Mapping
from dataclasses import dataclass

from failsoft_router.core.language import Language

_LOOKED_AT = 2000
"""Characters at each end of a question; what is asked for stands there."""

_MOST_WORDS = 400
_MOST_SENTENCES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """What was asked for, bounded; None: nothing was said about it.

    Attributes:
        words: At most this many; characters in scripts without spaces.
    """

    words: int | None = None
    sentences: int | None = None


@dataclass(frozen=True, slots=True)
class _Units:
    """One language's regular expressions, for text in lower case."""

    one_sentence: str
    sentences: str
    words: str


_UNITS: Mapping[Language, _Units] = {
    Language.ENGLISH: _Units(r"(?:one|a single)[ -]sentence", "sentence", "word"),
    Language.GERMAN: _Units("einem (?:einzigen )?satz", "s[aä]tz", "w[oö]rt"),
    Language.FRENCH: _Units("une (?:seule )?phrase", "phrase", "mots?"),
    Language.SPANISH: _Units("una (?:sola )?(?:frase|oración)", "frase|oracion", "palabra"),
    Language.ITALIAN: _Units("una (?:sola )?frase", "fras[ei]", "parole"),
    Language.PORTUGUESE: _Units("uma (?:única |só )?frase", "frase", "palavra"),
    Language.DUTCH: _Units(r"(?:één|een) (?:enkele )?zin\b", "zin", "woord"),
    Language.RUSSIAN: _Units("одн(?:им|ом) предложени", "предложени", "слов"),
    Language.GREEK: _Units("μ[ίι]α πρόταση", "προτάσεις", "λέξεις"),
    Language.ARABIC: _Units("جملة واحدة", "جمل", "كلم"),
    Language.HEBREW: _Units("משפט אחד", "משפט", "מיל"),
    Language.CHINESE: _Units("一句话|一个句子", "句|个句子", "个?[字词]"),
    Language.JAPANESE: _Units("[一1]文(?!字)", "つの文|文(?!字)", "文字|字|語|単語"),
    Language.KOREAN: _Units("한 문장", "(?:개의 )?문장", "단어|글?자"),
    Language.HINDI: _Units("एक वाक्य", "वाक्य", "शब्द"),
}


def asked_length(question: str, language: Language) -> Length:
    """What the question says about the length of its answer."""
    if len(question) > 2 * _LOOKED_AT:
        question = f"{question[:_LOOKED_AT]}\n{question[-_LOOKED_AT:]}"
    text, units = question.lower(), _UNITS[language]
    sentences = _number_of(units.sentences, text)
    if sentences is None and re.search(units.one_sentence, text):
        sentences = 1
    return Length(
        words=_bounded(_number_of(units.words, text), _MOST_WORDS),
        sentences=_bounded(sentences, _MOST_SENTENCES),
    )


def _number_of(unit: str, text: str) -> int | None:
    found = re.search(rf"(?<!\d)(\d{{1,6}})[ -]?(?:{unit})", text)
    return int(found[1]) if found else None


def _bounded(number: int | None, most: int) -> int | None:
    return None if number is None else max(1, min(number, most))
