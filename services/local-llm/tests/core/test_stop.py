"""Stop strings, however the text was cut into pieces."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from failsoft_local_llm.core.stop import StopScanner

SHORT = st.text(alphabet="abc", max_size=12)
STOPS = st.lists(st.text(alphabet="abc", min_size=1, max_size=4), max_size=4)


def answer_of(text: str, stops: list[str]) -> tuple[str, bool]:
    """The answer by the words of the contract: character by character, no cleverness."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            return text[: end - max(map(len, complete))], True
    return text, False


def fed(pieces: list[str], stops: list[str]) -> tuple[list[str], StopScanner]:
    scanner = StopScanner(stops)
    said = [scanner.feed(piece) for piece in pieces]
    return [*said, scanner.flush()], scanner


@given(text=SHORT, cuts=st.lists(st.integers(0, 12), max_size=6), stops=STOPS)
def test_the_answer_does_not_depend_on_where_the_text_was_cut(
    text: str, cuts: list[int], stops: list[str]
) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]

    said, scanner = fed(pieces, stops)

    assert ("".join(said), scanner.hit) == answer_of(text, stops)


@given(text=SHORT, stops=STOPS)
def test_what_was_said_is_never_taken_back(text: str, stops: list[str]) -> None:
    """Every piece that has left is the beginning of the final answer."""
    said, _ = fed(list(text), stops)
    answer, _ = answer_of(text, stops)

    for count in range(len(said)):
        assert answer.startswith("".join(said[:count]))


def test_text_that_can_be_part_of_no_stop_string_leaves_at_once() -> None:
    scanner = StopScanner(["\n\nUser:"])

    assert scanner.feed("Paris.") == "Paris."
    assert scanner.feed("\n") == ""
    assert scanner.feed("It is") == "\nIt is"


def test_what_was_held_back_for_nothing_comes_with_the_end() -> None:
    said, scanner = fed(["the EN"], ["END"])

    assert said == ["the ", "EN"]
    assert not scanner.hit


def test_after_a_stop_string_nothing_more_is_said() -> None:
    said, scanner = fed(["one END two", "three"], ["END"])

    assert said == ["one ", "", ""]
    assert scanner.hit


def test_without_stop_strings_everything_passes() -> None:
    said, scanner = fed(["a", "b"], [])

    assert said == ["a", "b", ""]
    assert not scanner.hit
