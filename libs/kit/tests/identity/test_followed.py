"""A followed file is read when it has changed, and not on every call."""

from pathlib import Path

import pytest
from descriptors import no_descriptors_left

from failsoft_kit.followed import CHECK_SECONDS
from failsoft_kit.identity.followed import FollowedFile
from failsoft_kit.startup import StartupError
from failsoft_kit.testing.clock import SettableClock


class Reader:
    """Reads a file, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def read(self, path: Path) -> str:
        self.times += 1
        return path.read_text()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("first")
    return file


def test_a_file_that_stays_as_it_is_is_read_once(path: Path) -> None:
    clock, reader = SettableClock(), Reader()
    followed = FollowedFile(path, read=reader.read, clock=clock)

    for _ in range(10):
        clock.time += CHECK_SECONDS
        assert followed.current() == "first"

    assert reader.times == 1


def test_a_change_is_seen_at_the_next_look_and_not_before(path: Path) -> None:
    clock, reader = SettableClock(), Reader()
    followed = FollowedFile(path, read=reader.read, clock=clock)
    path.write_text("second one")

    clock.time += CHECK_SECONDS / 2
    assert followed.current() == "first"
    clock.time += CHECK_SECONDS / 2
    assert followed.current() == "second one"


def test_a_file_that_could_not_be_read_is_read_when_it_can_be(path: Path) -> None:
    """Its owner had mended who may read it, and a key that was revoked was taken on."""

    def read(path: Path) -> str:
        if not path.stat().st_mode & 0o040:
            raise StartupError("the group may not read it")
        return path.read_text()

    clock = SettableClock()
    path.chmod(0o640)
    followed = FollowedFile(path, read=read, clock=clock)
    path.write_text("second one")
    path.chmod(0o600)
    clock.time += CHECK_SECONDS
    assert followed.current() == "first"

    path.chmod(0o640)
    clock.time += CHECK_SECONDS

    assert followed.current() == "second one"


def test_a_change_is_not_dated_before_the_last_look(path: Path) -> None:
    """The dates of a file can be older: of a volume, or by a clock that was set."""
    clock = SettableClock(path.stat().st_ctime + 100.0)
    followed = FollowedFile(path, read=Path.read_text, clock=clock)
    looked_at = clock.time
    path.write_text("second one")

    clock.time += CHECK_SECONDS

    assert followed.current() == "second one"
    assert followed.changed_at == looked_at


def test_a_change_that_could_not_be_read_is_dated_when_it_was_made(path: Path) -> None:
    """Who shows a secret and who judges it count from there."""
    clock = SettableClock(path.stat().st_ctime + 100.0)
    followed = FollowedFile(path, read=key_of, clock=clock)
    looked_at = clock.time
    path.write_text("second one")
    clock.time += CHECK_SECONDS
    with no_descriptors_left():
        assert followed.current() == "first"

    clock.time += 200.0

    assert followed.current() == "second one"
    assert followed.changed_at == looked_at


def key_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise StartupError("it cannot be read") from error
