"""Whatever the order in which two sides learn of a new secret, neither is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_kit.identity.rotation import HOLD_BACK_SECONDS, OVERLAP_SECONDS, Rotation

BEGAN = 1000.0
APART_SECONDS = min(HOLD_BACK_SECONDS, OVERLAP_SECONDS - HOLD_BACK_SECONDS)
"""How far apart two sides may read the same change."""

moments = st.floats(0.0, APART_SECONDS - 1.0)


@given(shower=moments, judge=moments, asked=st.floats(0.0, 1000.0))
def test_who_shows_a_secret_is_believed_at_any_moment_of_its_rotation(
    shower: float, judge: float, asked: float
) -> None:
    assert believed(contents=["a", "b"], shower=[shower], judge=[judge], asked=asked)


@given(
    shower=st.tuples(moments, moments),
    judge=st.tuples(moments, moments),
    pause=st.floats(0.0, 300.0),
    asked=st.floats(0.0, 1000.0),
)
def test_a_second_rotation_during_the_first_one_loses_nothing_either(
    shower: tuple[float, float], judge: tuple[float, float], pause: float, asked: float
) -> None:
    """An operator who mistyped the first one, say, and mends it."""

    def read(delays: tuple[float, float]) -> list[float]:
        return [delays[0], max(delays[0], pause + delays[1])]

    assert believed(contents=["a", "b", "c"], shower=read(shower), judge=read(judge), asked=asked)


def test_nothing_is_believed_for_longer_than_the_overlap() -> None:
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)

    assert set(rotation.believed(BEGAN + OVERLAP_SECONDS - 1.0)) == {"a", "b"}
    assert set(rotation.believed(BEGAN + OVERLAP_SECONDS)) == {"b"}


def test_a_value_that_comes_back_is_not_forgotten() -> None:
    """Helm's rollback puts the old one back."""
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)
    rotation.replace(["a"], at=BEGAN + 1.0)

    assert set(rotation.believed(BEGAN + 10_000.0)) == {"a"}
    assert rotation.shown(BEGAN + 10_000.0) == "a"


def test_the_same_content_again_is_no_rotation() -> None:
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)
    rotation.replace(["b"], at=BEGAN + HOLD_BACK_SECONDS - 1.0)

    assert rotation.shown(BEGAN + HOLD_BACK_SECONDS) == "b"


@pytest.mark.parametrize("changes", [20, 200])
def test_a_file_that_changes_all_the_time_is_not_remembered_for_ever(changes: int) -> None:
    rotation = Rotation(["first"])
    for number in range(changes):
        rotation.replace([f"{number}"], at=BEGAN + number / changes)

    assert len(list(rotation.believed(BEGAN + 1.0))) == 8


def believed(*, contents: list[str], shower: list[float], judge: list[float], asked: float) -> bool:
    """Whether one side believes what the other one shows.

    Args:
        contents: Of the file, one after the other.
        shower: When the one side read each content but the first; seconds.
        judge: The same of the other side.
        asked: When it is shown; seconds.
    """
    shows, judges = Rotation([contents[0]]), Rotation([contents[0]])
    for side, read in ((shows, shower), (judges, judge)):
        for content, at in zip(contents[1:], read, strict=True):
            if at <= asked:
                side.replace([content], at=BEGAN + at)
    return shows.shown(BEGAN + asked) in judges.believed(BEGAN + asked)
