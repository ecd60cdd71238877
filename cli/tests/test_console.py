"""How wide the lines are."""

import pytest

from failsoft_cli import console


def test_a_file_gets_long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    assert console.stdout().width == 120


def test_a_file_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")

    assert console.stdout().width == 72


def test_prose_is_wrapped_between_words_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")

    console.prose(console.stdout(), "served by a target with a name")

    assert capsys.readouterr().out.splitlines() == ["served by a target ", "with a name"]


def test_prose_is_one_line_of_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever searches a log finds it."""
    monkeypatch.setenv("COLUMNS", "20")

    console.prose(console.stdout(), "served by a target with a name")

    assert capsys.readouterr().out == "served by a target with a name\n"
