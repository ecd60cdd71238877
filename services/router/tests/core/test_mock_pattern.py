"""Simple patterns mean what they mean to `re`, and what is written from them matches."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.schema.pattern import Node, Writer, matches
from failsoft_router.core.mock.schema.pattern_reader import Reader
from failsoft_router.core.mock.schema.work import TooMuch, Unfit, Work


def read(pattern: str) -> Node:
    return Reader(pattern).node()


def found(pattern: str, text: str) -> bool:
    return matches(read(pattern), text, Work(100_000))


def write(pattern: str, *, spare: int = 0, key: bytes = b"") -> str:
    return Writer(Draws(key), Work(100_000), spare=spare).text(read(pattern))


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", "[0-9a-f_]", r"\.", r"\w", r"[\d-]"])
UNANCHORED = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{1,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
    ),
    max_leaves=4,
)
PATTERNS = st.tuples(st.sampled_from(["", "^", "a|^"]), UNANCHORED, st.sampled_from(["", "$"])).map(
    "".join
)


@given(PATTERNS, st.text(st.sampled_from("ab1.-\n"), max_size=8))
def test_a_pattern_is_found_where_re_finds_it(pattern: str, text: str) -> None:
    as_json_schema_means_it = pattern.replace("$", r"\Z")

    expected = re.search(as_json_schema_means_it, text, re.ASCII) is not None
    assert found(pattern, text) is expected


@given(PATTERNS, st.integers(0, 9), st.binary(max_size=2))
def test_what_is_written_matches(pattern: str, spare: int, key: bytes) -> None:
    assert re.search(pattern, write(pattern, spare=spare, key=key), re.ASCII)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(?:Mr|Ms)$", "M[rs]"),
        (r"\x41\u0042\t\/", "AB\t/"),
        (r"\x4A\x4b\u004c", "JKL"),
        ("[a-a]", "a"),
        ("[]", None),
        ("[^]", "."),
        ("[a-c-]", "[abc-]"),
        ("[é]", "é"),
        (r"[\]]", "]"),
        ("x{3}", "xxx"),
        ("aXb", "aXb"),
        ("x{1,123456789}", "x"),
        ("x{2000}", "x{2000}"),
        ("", ""),
    ],
)
def test_examples_of_what_is_written(pattern: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(Unfit):
            write(pattern)
    else:
        assert re.fullmatch(text, write(pattern))


def test_spare_repeats_are_written_once_in_all() -> None:
    assert write("^a*b+$", spare=4) == "aaaab"
    assert write("^a{0,2}b+$", spare=4) == "aabbb"


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)", "(?!a)", "(?<n>a)", r"(a)\1", r"\bword", r"\p{L}", "(?i)a", "a**", "*a", "a{",
        "a{2,1}", "a{,3}", "a{9999}", "a{1234567890}", "(a", "a)", "[a", "[z-a]", r"[a-\d]",
        "+a", "?a", "{a", "a}", "a{3X}", "a{2001}", "a{1,1234567890}", r"[!-\d]", r"[\d-z]",
        r"[\w-z]", r"\xXX", r"[\D]", "a\\", r"\xZZ", r"\u12", "^*", "]", "(" * 30 + ")" * 30,
    ],
)  # fmt: skip
def test_what_is_not_simple_is_refused(pattern: str) -> None:
    with pytest.raises(Unfit):
        read(pattern)


@pytest.mark.parametrize(
    ("pattern", "counts"),
    [
        ("^a?$", [0, 1]),
        ("^a*$", [0, 1, 2, 3, 4]),
        ("^a+$", [1, 2, 3, 4]),
        ("^a{2}$", [2]),
        ("^a{2,}$", [2, 3, 4]),
        ("^a{1,3}$", [1, 2, 3]),
        ("^a{0,1}?$", [0, 1]),
    ],
)
def test_a_part_is_repeated_as_often_as_is_said(pattern: str, counts: list[int]) -> None:
    assert [count for count in range(5) if found(pattern, "a" * count)] == counts


def test_a_hyphen_at_the_end_of_a_class_is_one_of_its_characters() -> None:
    assert [text for text in "ab-c" if found("^[ab-]$", text)] == ["a", "b", "-"]


@pytest.mark.parametrize(
    ("pattern", "members"),
    [
        (r"\d", "09"),
        (r"\D", "aZ_ \xa0-\t\n\r\f\v"),
        (r"\w", "aZ_09"),
        (r"\W", " \xa0-\t\n\r\f\v"),
        (r"\s", " \xa0\t\n\r\f\v"),
        (r"\S", "aZ_09-"),
        (r"\t", "\t"),
        (r"\n", "\n"),
        (r"\r", "\r"),
        (r"\f", "\f"),
        (r"\v", "\v"),
    ],
)
def test_an_escape_stands_for_its_characters(pattern: str, members: str) -> None:
    assert "".join(one for one in "aZ_09 \xa0-\t\n\r\f\v" if found(pattern, one)) == members


def nested(depth: int) -> str:
    return "(" * depth + "a" + ")" * depth


def test_groups_may_stand_in_groups_twenty_deep_and_beside_each_other_at_will() -> None:
    read(nested(20))
    read("(a)" * 30 + nested(20))
    with pytest.raises(Unfit):
        read(nested(21))
    with pytest.raises(Unfit):
        read("(a)" + nested(21))


def test_a_search_is_bounded_by_its_work() -> None:
    with pytest.raises(TooMuch):
        matches(read("^(a+)+$"), "a" * 3000 + "!", Work(2000))
