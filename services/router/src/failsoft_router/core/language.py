"""Which language a question is in: a guess from its scripts and its most common words."""

import enum
import re
from collections import Counter
from collections.abc import Mapping


class Language(enum.Enum):
    """A language that the router can write in, by its ISO 639-1 code."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    ITALIAN = "it"
    PORTUGUESE = "pt"
    DUTCH = "nl"
    RUSSIAN = "ru"
    GREEK = "el"
    ARABIC = "ar"
    HEBREW = "he"
    CHINESE = "zh"
    JAPANESE = "ja"
    KOREAN = "ko"
    HINDI = "hi"


_LOOKED_AT = 2000
"""Characters; more of a text says nothing new about its language."""

_SCRIPTS: tuple[tuple[re.Pattern[str], Language, int], ...] = (
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), Language.GREEK, 1),
    (re.compile("[\u0400-\u04ff]"), Language.RUSSIAN, 1),
    (re.compile("[\u0590-\u05ff]"), Language.HEBREW, 1),
    (re.compile("[\u0600-\u06ff]"), Language.ARABIC, 1),
    (re.compile("[\u0900-\u097f]"), Language.HINDI, 1),
    (re.compile("[\u3040-\u30ff]"), Language.JAPANESE, 3),
    (re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"), Language.CHINESE, 3),
    (re.compile("[\u1100-\u11ff\uac00-\ud7af]"), Language.KOREAN, 3),
)
"""Letters, the language that they are taken for, and how many Latin letters one stands for."""

_LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f]")

_NEIGHBOURS = re.compile(
    "[іїєґўђјљњћџѓќ]"  # Cyrillic, not Russian
    r"|\b(?:що|це|як|щоб)\b"
    "|[پچژگکیےٹڈ]"  # Arabic script, not Arabic
    "|ळ"  # Devanagari, not Hindi
)
"""Letters and words of languages that share a script with one of ours."""

_LATIN_NEIGHBOURS = re.compile("[ąćęłńśźżčďěňřšťůžőűăâîșțşğıåøæđ]")
"""Letters that few of our Latin languages use; two, â and î, are French as well."""

_WORDS: Mapping[Language, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in (
        (
            Language.ENGLISH,
            "the a an is are was what who how why when where which do does can could would you"
            " your i me my of to in and for with please this that it not be have tell write"
            " explain translate give hello hi thanks",
        ),
        (
            Language.GERMAN,
            "der die das ist sind was wer wie warum wann wo welche"  # codespell:ignore
            " ein eine einen einem und oder nicht ich du sie wir mir"  # codespell:ignore
            " mich mit für von zu im den dem bitte kann kannst auf schreibe schreib erkläre erklär"
            " es welcher in an aus bei nach über wird hat hallo danke",
        ),
        (
            Language.FRENCH,
            "le la les un une des est sont que qui qu quoi comment pourquoi quand où quel quelle"
            " et ou ne pas je tu vous nous il elle dans pour avec sur du au de en moi ce cette"
            " mon votre peux écris explique c d j l n bonjour salut merci",
        ),
        (
            Language.SPANISH,
            "el la los las un una es son qué que quién cómo como por cuándo dónde cuál y o no yo"
            " tú usted de del en para con mi su me se lo al está puedes escribe explica hola"
            " gracias",
        ),
        (
            Language.ITALIAN,
            "il lo la gli le un una è sono che chi come perché quando dove quale e o non io tu di"
            " del della in per con mi si sul puoi scrivi spiega cosa ciao grazie",
        ),
        (
            Language.PORTUGUESE,
            "o a os as um uma é são que quem como por quando onde qual e ou não eu você de do da"
            " em para com meu seu me se no na"  # codespell:ignore
            " pode escreva explique isso está olá obrigado",
        ),
        (
            Language.DUTCH,
            "de het een is zijn wat wie hoe waarom wanneer waar welke en of niet ik je jij u wij"
            " mij van in voor met op dat dit kun kan schrijf leg naar hoi hallo bedankt",
        ),
    )
}

_LETTERS: Mapping[Language, re.Pattern[str]] = {
    Language.GERMAN: re.compile("[äöß]"),
    Language.FRENCH: re.compile("[çœëêîû]"),
    Language.SPANISH: re.compile("[ñ]"),
    Language.ITALIAN: re.compile("[ìò]"),
    Language.PORTUGUESE: re.compile("[ãõ]"),
}
"""Letters that speak for one of the Latin languages, a little."""


def language_of(text: str) -> Language | None:
    """The language of a text; None: none that the router can write in is recognised."""
    text = text[:_LOOKED_AT].lower()
    weights = Counter(
        {language: weight * len(letters.findall(text)) for letters, language, weight in _SCRIPTS}
    )
    language, weight = weights.most_common(1)[0]
    if weight <= len(_LATIN_LETTER.findall(text)):
        return _latin(text)
    if language is Language.CHINESE and weights[Language.JAPANESE] * 10 >= weight:
        language = Language.JAPANESE
    return None if _NEIGHBOURS.search(text) else language


def _latin(text: str) -> Language | None:
    """The language with the most common words; None when another's letters outweigh them."""
    scores: Counter[Language] = Counter()
    strangers = 0
    for word in re.findall(r"[^\W\d_]+", text):
        scores.update(language for language, words in _WORDS.items() if word in words)
        scores.update(language for language, letters in _LETTERS.items() if letters.search(word))
        strangers += bool(_LATIN_NEIGHBOURS.search(word))
    if not scores:
        return None
    language, score = max(scores.items(), key=lambda item: item[1])
    return language if score > strangers else None
