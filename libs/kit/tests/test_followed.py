"""Files that are followed are in use as soon as they can be, and are read no oftener than that."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from failsoft_kit.followed import Followed
from failsoft_kit.startup import StartupError


class Reader:
    """Reads a file, unless something is in the way; counts how often,
    and keeps what its follower complains of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.times = 0
        self.complaints: list[Sequence[str]] = []
        self.in_the_way: Callable[[], None] = lambda: None

    def read(self) -> str:
        self.times += 1
        self.in_the_way()
        return self.path.read_text()


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    path = tmp_path / "file"
    path.write_text("first")
    return Reader(path)


def follow(reader: Reader, *, timeless: bool) -> Followed[str]:
    return Followed(
        reader.path, read=reader.read, complain=reader.complaints.append, timeless=timeless
    )


def out_of_descriptors() -> None:
    raise StartupError("cannot be read") from OSError()


def refused() -> None:
    raise StartupError("is none")


@pytest.mark.parametrize(
    ("in_the_way", "timeless"),
    [(out_of_descriptors, True), (out_of_descriptors, False), (refused, False)],
)
def test_what_could_not_be_used_is_in_use_when_it_can_be(
    reader: Reader, in_the_way: Callable[[], None], timeless: bool
) -> None:
    """The file itself stays as it is: nothing about it says that it is good now."""
    followed = follow(reader, timeless=timeless)
    reader.path.write_text("second one")
    reader.in_the_way = in_the_way
    assert not followed.look()
    assert not followed.look()
    assert followed.content == "first"

    reader.in_the_way = lambda: None

    assert followed.look()
    assert followed.content == "second one"


def test_what_is_never_good_is_read_once(reader: Reader) -> None:
    """A file of 5000 keys takes 0.1 s, in which nobody is answered."""
    followed = follow(reader, timeless=True)
    reader.path.write_text("second one")
    reader.in_the_way = refused

    for _ in range(10):
        assert not followed.look()

    assert reader.times == 2


def test_what_is_wrong_is_said_once_and_again_when_it_is_something_else(reader: Reader) -> None:
    followed = follow(reader, timeless=False)
    reader.path.write_text("second one")
    for in_the_way in (refused, refused, out_of_descriptors, out_of_descriptors, refused):
        reader.in_the_way = in_the_way
        followed.look()

    assert reader.complaints == [("is none",), ("cannot be read",), ("is none",)]


def test_what_is_as_it_was_again_is_up_to_date(reader: Reader) -> None:
    """Its owner had taken the right to read it away, and gave it back."""
    followed = follow(reader, timeless=True)
    before = reader.path.stat().st_mode
    reader.path.chmod(0o000)
    reader.in_the_way = out_of_descriptors
    followed.look()
    while_unreadable = followed.is_up_to_date

    reader.path.chmod(before)

    assert not followed.look()
    assert (while_unreadable, followed.is_up_to_date) == (False, True)
    assert reader.times == 2
