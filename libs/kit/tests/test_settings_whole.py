"""A file that is a model of its own is right as a whole, or refused with everything at once."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from failsoft_kit.settings import Duration, Settings, SettingsError
from failsoft_kit.settings.document import Trail
from failsoft_kit.settings.whole import FileRefused, Mistake, load_content


class Door(Settings):
    color: str = Field(description="How it looks.")
    opens_after: Duration = Field(default=1.0, gt=0, description="How long one waits.")
    code: SecretStr | None = Field(default=None, min_length=8, description="Who may pass.")


class House(Settings):
    doors: dict[str, Door] = Field(description="The ways in.")
    front: str = Field(default="", description="The door that guests take.")


def check(values: Mapping[str, object]) -> Iterator[tuple[Trail, str]]:
    """No single field knows which doors there are."""
    doors = values.get("doors")
    if isinstance(doors, dict) and values.get("front") not in doors:
        yield ("front",), f"is no door; known are {', '.join(doors)}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "house.yaml"


def house(file: Path, content: str) -> House:
    return load_content(House, content.encode(), name=str(file), check=check)


def problems(file: Path, content: str) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        house(file, content)
    return [problem.replace(str(file), "house.yaml") for problem in refusal.value.problems]


def test_a_good_file_becomes_the_model(file: Path) -> None:
    assert house(file, "doors:\n  red: {color: red, opens_after: 250ms}\nfront: red\n") == House(
        doors={"red": Door(color="red", opens_after=0.25)}, front="red"
    )


def test_mistakes_of_fields_and_of_the_whole_are_told_together(file: Path) -> None:
    assert problems(file, "doors:\n  red:\n    colour: red\n    opens_after: 5\nfront: blue\n") == [
        "`doors.red.color` (house.yaml, line 2) is missing",
        "`doors.red.opens_after` (house.yaml, line 4) must be a number with a unit,"
        " such as 250ms, 30s, 5m, 2h or 1d, got 5",
        "`doors.red.colour` (house.yaml, line 3) is unknown; did you mean `color`?",
        "`front` (house.yaml, line 5) is no door; known are red",
    ]


def test_a_mistake_of_the_whole_alone_is_enough_to_refuse(file: Path) -> None:
    assert problems(file, "doors:\n  red: {color: red}\nfront: blue\n") == [
        "`front` (house.yaml, line 3) is no door; known are red"
    ]


def test_what_is_missing_is_told_at_the_place_where_it_would_be(file: Path) -> None:
    assert problems(file, "doors:\n  red: {color: red}\n") == [
        "`front` (house.yaml) is no door; known are red"
    ]


def test_a_key_that_can_be_shown_to_nobody_is_refused_with_its_line(file: Path) -> None:
    """The model named it otherwise, and the mistake then was `doors`: "did you mean `doors`?"."""
    assert problems(file, 'doors:\n  "a\\ud800": {color: red, colour: red}\nfront: red\n') == [
        "house.yaml, line 2: a key holds half a letter (`\\ud800` to `\\udfff`)"
    ]


def test_the_check_sees_the_raw_values_whatever_they_are(file: Path) -> None:
    """It runs although the model refused, so it must expect anything."""
    assert problems(file, "doors: 7\n") == [
        "`doors` (house.yaml, line 1) must be a valid dictionary"
    ]


def test_an_empty_file_lacks_what_is_needed(file: Path) -> None:
    assert problems(file, "") == ["`doors` (house.yaml) is missing"]


def test_a_secret_is_never_quoted(file: Path) -> None:
    (problem,) = problems(file, "doors:\n  red: {color: red, code: canary}\nfront: red\n")

    assert problem.startswith("`doors.red.code` (house.yaml, line 2) must")
    assert "canary" not in problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[" * 10_000, "house.yaml: is nested too deeply"),
        (
            "front: 2026-13-45\n",
            "house.yaml: a number or date in it is none; put it in quotes",
        ),
        (
            f"front: {'7' * 5000}\n",
            "house.yaml: a number or date in it is none; put it in quotes",
        ),
    ],
    ids=["depth", "date", "number"],
)
def test_what_the_parser_chokes_on_is_refused_like_any_mistake(
    file: Path, content: str, problem: str
) -> None:
    """A service that reads a file anew while it runs must not end over it."""
    assert problems(file, content) == [problem]


def test_a_mistake_is_told_in_parts_as_well(file: Path) -> None:
    """For readers that are programs."""
    with pytest.raises(FileRefused) as refusal:
        house(file, "doors:\n  red: {color: red}\nfront: blue\n")

    assert refusal.value.mistakes == (
        Mistake(path="front", place=f"{file}, line 3", wrong="is no door; known are red"),
    )


def test_what_is_no_yaml_is_told_alone(file: Path) -> None:
    (problem,) = problems(file, "doors: {")

    assert problem.startswith("house.yaml, line 1: is not valid YAML")
