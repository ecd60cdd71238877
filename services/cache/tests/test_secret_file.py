import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from failsoft_cache.adapters.secret_file import read_or_make_secret, read_secret
from failsoft_kit.startup import StartupError


def test_a_made_secret_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "cache-secret"

    read_or_make_secret(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["cache-secret"]


def test_a_made_secret_is_used_again(tmp_path: Path) -> None:
    """A restart must not lose every stored answer."""
    path = tmp_path / "cache-secret"

    first, second = read_or_make_secret(path), read_or_make_secret(path)

    assert first.of("acme").key(b"question") == second.of("acme").key(b"question")


def test_two_made_secrets_differ(tmp_path: Path) -> None:
    first, second = read_or_make_secret(tmp_path / "a"), read_or_make_secret(tmp_path / "b")

    assert first.of("acme").key(b"question") != second.of("acme").key(b"question")


def test_white_space_around_a_secret_does_not_count(tmp_path: Path) -> None:
    """Editors and `kubectl create secret --from-file` leave a line break at the end."""
    (tmp_path / "a").write_text("s" * 32)
    (tmp_path / "b").write_text("s" * 32 + "\n")

    first, second = read_secret(tmp_path / "a"), read_secret(tmp_path / "b")

    assert first.of("acme").key(b"question") == second.of("acme").key(b"question")


def test_a_short_secret_is_refused_without_being_shown(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("short-secret")

    with pytest.raises(StartupError) as raised:
        read_secret(path)

    assert str(path) in str(raised.value)
    assert "32 bytes" in str(raised.value)
    assert "short-secret" not in str(raised.value)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as raised:
        read_secret(tmp_path / "missing")

    assert "missing" in str(raised.value)
    assert "No such file" in str(raised.value)


def test_a_secret_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(StartupError) as raised:
        read_or_make_secret(tmp_path / "file" / "cache-secret")

    assert "cannot be made" in str(raised.value)


def test_a_secret_that_is_made_is_told_once_and_not_shown(tmp_path: Path) -> None:
    """Where the file was lost, every answer that was kept is lost with it."""
    path = tmp_path / "cache-secret"

    with capture_logs() as lines:
        read_or_make_secret(path)
        read_or_make_secret(path)

    assert lines == [{"event": "secret.made", "log_level": "info", "file": str(path)}]
