"""What the mock says depends on the request alone: replicas of a router say the same.

The examples are written down, in mock_values.json for schemas: whoever changes what the
mock says changes it for every caller that compares, and sees here what.
"""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from failsoft_router.core.language import Language
from failsoft_router.core.mock import CannotMock
from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.length import Length
from failsoft_router.core.mock.phrases import PHRASES
from failsoft_router.core.mock.pieces import LONGEST, pieces
from failsoft_router.core.mock.prose import prose
from failsoft_router.core.mock.schema import Style, make, numbers, texts, value_for
from failsoft_router.core.mock.schema.facts import Facts
from failsoft_router.core.mock.schema.numbers import Bounds
from failsoft_router.core.mock.schema.pattern_reader import Reader
from failsoft_router.core.mock.schema.work import Work

EXAMPLES = json.loads(Path(__file__).with_name("mock_values.json").read_text())
RICH = Style(label="Mock answer", sentence="This is a mock answer.", lean=False)
LEAN = Style(label="Mock answer", sentence="This is a mock answer.", lean=True)
RUNS = ((RICH, b"1"), (RICH, b"2"), (RICH, b"3"), (LEAN, b"1"))


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The steps of all that is made, one payment after the other."""
    payments: list[float] = []

    class Counted(Work):
        def spend(self, steps: int = 1) -> None:
            payments.append(steps)
            super().spend(steps)

    monkeypatch.setattr(make, "Work", Counted)
    return payments


def written(example: Mapping[str, object], style: Style, key: bytes) -> str:
    """What is made for the example's schema, or the sentence that refuses it."""
    try:
        return json.dumps(value_for(example["schema"], style, key))
    except CannotMock as refusal:
        return str(refusal)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_schema_gets_the_same_value_for_the_same_work(
    example: Mapping[str, list[object]], spent: list[float]
) -> None:
    said, steps = [], []
    for style, key in RUNS:
        spent.clear()
        said.append(written(example, style, key))
        steps.append(sum(spent))

    refused = [example.get("refused")] * len(RUNS)
    assert said == (list(map(json.dumps, example["made"])) if "made" in example else refused)
    assert steps == example["steps"]


def test_the_same_key_draws_the_same_numbers() -> None:
    draws = Draws(b"key")

    assert [draws.below(limit) for limit in (1, 10, 100, 1000, 10**12)] == [
        0,
        4,
        17,
        330,
        871254057090,
    ]


# Text.

OPENING = "This is a mock answer: no model could answer just now."
STANDS = "This text only stands where the answer would be."
NOBODY = "Nobody has thought about your question."
ADVANCE = "It was written in advance, so that your program can go on."
NOTHING = "Nothing in it is a fact about your subject."
CLOSING = "Please ask again a little later."


@pytest.mark.parametrize(
    ("length", "sentences"),
    [
        (Length(), [OPENING, STANDS, CLOSING]),
        (Length(sentences=1), [OPENING]),
        (Length(sentences=2), [OPENING, STANDS]),
        (Length(sentences=3), [OPENING, STANDS, CLOSING]),
        (
            Length(sentences=7),
            [OPENING, STANDS, NOBODY, ADVANCE, NOTHING, NOBODY, CLOSING],
        ),
        (Length(words=1), [OPENING]),
        (Length(words=20), [OPENING, STANDS]),
        (Length(words=60), [OPENING, STANDS, NOBODY, ADVANCE, NOTHING, NOBODY]),
    ],
)
def test_a_length_gets_the_same_sentences(length: Length, sentences: list[str]) -> None:
    assert prose(PHRASES[Language.ENGLISH], length, Draws(b"k")) == " ".join(sentences)


def test_a_text_is_said_in_the_same_pieces_at_the_same_pace() -> None:
    assert [(piece.text, piece.pause) for piece in pieces(OPENING, Draws(b"k"))] == [
        ("This", 0.193),
        (" is", 0.043),
        (" a mock answer", 0.04),
        (": no model", 0.027),
        (" could", 0.033),
        (" answer", 0.03),
        (" just now.", 0.04),
    ]


@pytest.mark.parametrize(
    ("count", "said", "seconds"), [(64, 29, 0.953), (65, 21, 0.779), (640, 58, 1.868)]
)
def test_a_long_text_is_said_in_larger_pieces(count: int, said: int, seconds: float) -> None:
    whole = pieces(" a" * count, Draws(b"k"))

    assert len(whole) == said
    assert sum(piece.pause for piece in whole) == pytest.approx(seconds)


def test_a_text_whose_pauses_are_too_long_is_said_faster() -> None:
    whole = pieces(" a" * 640, Draws(b"2"))

    assert sum(piece.pause for piece in whole) == pytest.approx(LONGEST)
    assert whole[0].pause > whole[1].pause


# What is tried for a schema, in its order: the first that fits is taken.


@pytest.mark.parametrize(
    ("bounds", "steps", "whole", "tried"),
    [
        (Bounds(low=Fraction(1), high=Fraction(4)), (), True, [2, 3, 4, 1]),
        (Bounds(high=Fraction(0)), (40,), True, [-80, -40, 0]),
        (Bounds(low=Fraction(1), high=Fraction(2)), (0.5, 0.75), False, [1.5]),
        (
            Bounds(low=Fraction(1), high=Fraction(2)),
            (),
            False,
            [2, 1]
            + [1.6, 1.7, 1.8, 1.9, 2, 1, 1.1, 1.2, 1.3, 1.4, 1.5]
            + [1 + part / 16 for part in range(17)],
        ),
        (Bounds(), (), True, [*range(89, 101), *range(36)]),
        (Bounds(low=Fraction(2), high=Fraction(1)), (), False, []),
    ],
)
def test_numbers_are_tried_in_the_same_order(
    bounds: Bounds, steps: tuple[float, ...], whole: bool, tried: list[float]
) -> None:
    assert list(numbers.candidates(bounds, steps, whole=whole, draws=Draws(b"k"))) == tried


def tried_texts(facts: Facts, *said: str) -> list[str]:
    return list(texts.candidates(facts, said, Draws(b"k"), Work(10_000)))


def test_texts_of_a_pattern_are_tried_in_the_same_order() -> None:
    pattern = Reader("^a+[bc]$").node()
    spare = [0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4]  # the drawn number is the second

    tried = tried_texts(Facts(patterns=(pattern,), shortest=4))

    as_drawn, filled, as_long = tried[::3], tried[1::3], tried[2::3]
    assert [len(text) for text in as_drawn] == [2 + more for more in spare]
    assert filled == [text.ljust(4, "x") for text in as_drawn]
    assert [len(text) for text in as_long] == [max(4, 2 + more) for more in spare]


def test_free_texts_are_what_is_said_then_numbered_then_numbers() -> None:
    numbered = [f"Mock {number}" for number in range(24, 64)]

    tried = tried_texts(Facts(longest=8), "Mock answer", "Mock")

    assert tried == ["Mock", *numbered, *map(str, range(50))]
    assert tried_texts(Facts(longest=3), "Mock")[:2] == ["Moc", "Moc"]
    assert tried_texts(Facts(shortest=10), "Mock")[:2] == ["Mock Mock ", "Mock 24 Mo"]


def test_forty_examples_of_a_format_are_tried() -> None:
    assert len(set(tried_texts(Facts(formats=("uuid",)), "Mock"))) == 40
