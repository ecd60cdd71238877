"""Answers that a target may be telling: text in many scripts, tool calls, JSON."""

import json
from dataclasses import dataclass
from random import Random

# ruff: noqa: RUF001 - these are texts in other scripts

SENTENCES = (
    "The quick brown fox jumps over the lazy dog, and then it sleeps until noon.",
    "C'est l'été à Besançon ; les élèves révisent leur leçon, puis ils vont nager.",
    "Быстрая лиса прыгает через ленивую собаку, а потом спит до обеда.",
    "北京是中国的首都，人口超过两千万，历史十分悠久。",
    "これは日本語の答えです。東京は日本の首都で、人口は約千四百万人です。",
    "कुत्ता सोता है और बिल्ली खिड़की पर बैठी है।",
    "ثعلب سريع يقفز فوق كلب كسول ثم ينام حتى الظهر.",
    "Weather: 👩\u200d👩\u200d👧\u200d👦 go out 🇩🇪🇫🇷, thumbs 👍🏽 up, cafe\u0301 is open ☕️ today.",
    "He said: ha ha ha, it is very, very funny... no, no, no! 10 10 10 and 100100.",
    "Code:\n```python\nprint('x')\nprint('x')\n```",
    "한국어 문장도 여기 하나 있습니다, 잘 이어져야 합니다.",
)
GAPS = (" ", "\n", "\n\n", "\n- ", "  ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A whole answer.

    Attributes:
        calls: Names of tools, and the arguments as JSON.
        is_json: The text is a JSON document that was asked for.
    """

    reasoning: str
    text: str
    calls: tuple[tuple[str, str], ...] = ()
    is_json: bool = False


def draw_answer(draw: Random) -> Told:
    """Any answer."""
    reasoning = "Let me think about it. Now I know." if draw.random() < 0.25 else ""
    match draw.choice(("text", "text", "text", "calls", "json")):
        case "json":
            document = {"items": draw.sample(SENTENCES, 2), "n": draw.randint(0, 10**6)}
            return Told(
                reasoning=reasoning, text=json.dumps(document, ensure_ascii=False), is_json=True
            )
        case "calls":
            text = _text(draw) if draw.random() < 0.7 else ""
            calls = tuple(
                ("look_up", json.dumps({"q": draw.choice(SENTENCES), "n": number}))
                for number in range(draw.randint(1, 2))
            )
            return Told(reasoning=reasoning, text=text, calls=calls)
        case _:
            return Told(reasoning=reasoning, text=_text(draw))


def _text(draw: Random) -> str:
    first, *others = draw.sample(SENTENCES, draw.randint(1, 4))
    return first + "".join(draw.choice(GAPS) + each for each in others)
