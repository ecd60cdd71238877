"""An end that says of itself that more is to come is found, and nothing else is held back."""

import pytest

from failsoft_router.core.unfinished import may_be_unfinished, unfinished_from


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("👩\u200d", "👩"),
        ("👩🏽\u200d", "👩🏽"),
        ("👨\u200d👩\u200d", "👨\u200d👩"),
        ("\u200d", ""),
        ("flags 🇩", "flags "),
        ("🇩🇪🇫", "🇩🇪"),
        ("half \ud83d", "half "),
    ],
)
def test_the_end_that_is_not_whole_is_found(text: str, whole: str) -> None:
    assert may_be_unfinished(text)
    assert text[: unfinished_from(text)] == whole


@pytest.mark.parametrize(
    "text", ["", "word", "e\u0301", "👩", "👍🏽", "☕️", "🇩🇪", "🇩🇪🇫🇷", "中文", "a\u200db", "पानी"]
)
def test_what_is_whole_is_whole(text: str) -> None:
    assert unfinished_from(text) == len(text)


@pytest.mark.parametrize("text", ["", "word", "été", "привет", "שלום"])
def test_most_texts_need_no_closer_look(text: str) -> None:
    assert not may_be_unfinished(text)
