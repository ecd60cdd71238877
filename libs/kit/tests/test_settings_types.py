"""Quantities are written with their unit and come back as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_kit.settings import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0.0), ("250ms", 0.25), ("1.5s", 1.5), ("5m", 300.0), ("2h", 7200.0), ("1 d", 86400.0)],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("0B", 0), ("512B", 512), ("1.5KiB", 1536), ("8MiB", 8388608), ("1GiB", 2**30)],
)
def test_a_size_is_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.25, "250ms"), (25.0, "25s"), (90.0, "90s"), (300.0, "5m"), (86400.0, "1d")],
)
def test_a_duration_is_shown_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**9))
def test_what_is_shown_of_a_duration_can_be_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000

    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-9)


@given(st.integers(0, 2**40))
def test_what_is_shown_of_a_size_can_be_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("text", ["٣s", "1S", "1 s ", "1,5s", "1ss", "+1s", "1  s"])
def test_nothing_is_guessed(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)
