"""What the engines would misread is refused with its place, and nothing that they can hold."""

import time

import pytest

from failsoft_local_llm.core.regex import problem
from failsoft_local_llm.core.weight import COUNTLESS, MOST_REPETITIONS

HELD = [
    r"[a-z]+",
    r"^\d{3}-\w+\s?$",
    r"(yes|no)(, (please|thanks))*",
    r"(?:ab)+",
    r"(?<word>\w+)",
    r"[^\]\\-]{2,}",
    r"\x41\u0042\.\\\^\$\(",
    r"[\d\-_ü]",
    r"[$^]",
    "é|ü",
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "[",  # the engine says what is wrong with it
]
MISREAD = {
    r"a\b": "at character 2:",
    r"(a)\1": "at character 4:",
    r"\Aab": "at character 1:",
    r"\p{L}": "at character 1:",
    r"x[\b]": "at character 2:",
    r"[[:alpha:]]": "at character 1:",
    r"(?=a)a": "at character 1:",
    r"(?!a)b": "at character 1:",
    r"x(?<=x)y": "at character 2:",
    r"x(?<!x)y": "at character 2:",
    r"(?i)a": "at character 1:",
    r"(?P<n>a)": "at character 1:",
    r"a|^b": "at character 3:",
    r"a$|b": "at character 2:",
}


@pytest.mark.parametrize("regex", HELD)
def test_what_can_be_held_is_let_through(regex: str) -> None:
    assert problem(regex) is None


@pytest.mark.parametrize(("regex", "place"), MISREAD.items())
def test_what_would_be_taken_for_something_else_is_refused(regex: str, place: str) -> None:
    why = problem(regex)

    assert why is not None
    assert why.startswith(place)


@pytest.mark.parametrize(
    ("regex", "counted"),
    [
        ("a{1001}", 1001),
        ("a{0,1001}", 1001),
        ("a{600}b{600}", 1200),
        ("(a{40}){40}", 1600),
        ("((a{2}b{9}){10}c{5}){10}", 1150),
        ("((a{11}){11}){11}", 1331),
        ("(a|b{900})c{200}", 1100),
        ("(a+b{600})+c{600}", 1200),
    ],
)
def test_counts_multiply_where_they_stand_in_each_other(regex: str, counted: int) -> None:
    """What looks small may be a million states."""
    assert problem(regex) == f"its counts are {counted} together, at most 1000 can be held"


BOMBS = {
    "a long text, often": "(?:" + "abcdefgh" * 500 + "){999}",
    "a text in counts": "(?:(?:" + "[^a]" * 11 + "){30}){31}",
    "a class, often": "[^a]" * 257,
    "escapes and dots": r"\w\D." * 86,
    "much that may be missing": "a?" * 33,
    "stars": "(?:a*b)" * 33,
    "a star as a count": "(?:a{0,}b)" * 33,
    "an empty alternative": "(?:a|)" * 11 + "(?:|a)" * 11 + "(?:a||b)" * 11,
}


@pytest.mark.parametrize("regex", BOMBS.values(), ids=BOMBS.keys())
def test_what_takes_minutes_to_compile_is_refused(regex: str) -> None:
    """Everybody's forms wait meanwhile, and nothing can end it."""
    assert len(regex) <= 4096
    assert problem(regex) is not None


LIGHT = {
    "a text as long as may be": "abcdefgh" * 512,
    "classes with a count": r"[a-z]{500}.{500}",
    "many words": "|".join(f"word{number}" for number in range(400)),
    "groups": "(?:(?:" + "abc" * 3 + "){30}){33}",
    "some that may be missing": r"(?:a?b*|c){1,9}" * 10 + "a?" * 12,
    "escaped signs": r"\?\*\|\." * 200,
    "signs in a class": "[?*|.]" * 200,
}


@pytest.mark.parametrize("regex", LIGHT.values(), ids=LIGHT.keys())
def test_what_is_compiled_in_a_moment_is_let_through(regex: str) -> None:
    assert problem(regex) is None


@pytest.mark.parametrize("count", ["9" * 4090, "1," + "9" * 4000, "9" * 4000 + ","])
def test_a_count_of_any_length_is_a_refusal_and_no_crash(count: str) -> None:
    assert problem(f"a{{{count}}}") == (
        f"its counts are {COUNTLESS} or more together, at most {MOST_REPETITIONS} can be held"
    )


@pytest.mark.parametrize("regex", ["a{1000}", "(a{10}){100}", "(a{500})(b{500})", "(ab{2}){333}"])
def test_as_many_as_can_be_held_are(regex: str) -> None:
    assert MOST_REPETITIONS == 1000
    assert problem(regex) is None


@pytest.mark.parametrize(
    "regex", ["(" * 4096, "\\" * 4095, "[" * 4095 + "\\", "(" * 1000 + "a{999999})" * 300]
)
def test_a_hostile_expression_is_read_in_a_moment(regex: str) -> None:
    began = time.process_time()
    problem(regex)

    assert time.process_time() - began < 1.0
