"""What `failsoft up` leaves on the disk."""

import stat
from pathlib import Path

import pytest

from failsoft_cli.supervisor.data_dir import DataDir
from failsoft_kit.identity import ServiceToken
from failsoft_kit.startup import StartupError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    data.prepare()
    return data


def test_only_its_owner_can_read_what_is_kept(data: DataDir) -> None:
    folders = (data.root, data.secrets, data.valkey, data.logs)
    assert [mode(folder) for folder in folders] == [0o700] * 4
    assert mode(data.service_token) == 0o600


def test_folders_that_others_could_read_are_shut(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.secrets.mkdir(mode=0o755)

    data.prepare()

    assert mode(data.secrets) == 0o700


def test_the_service_token_is_made_once(data: DataDir) -> None:
    """A service that goes on running would otherwise be locked out by the next start."""
    token = ServiceToken.from_file(data.service_token).authorization()

    data.prepare()

    assert ServiceToken.from_file(data.service_token).authorization() == token


def test_two_stacks_cannot_use_one_folder(data: DataDir) -> None:
    """Two Valkeys that write one file lose answers."""
    with data.in_use(), pytest.raises(StartupError) as refused, data.in_use():
        pass

    assert str(data.root) in refused.value.problems[0]


def test_the_folder_is_free_again_afterwards(data: DataDir) -> None:
    with data.in_use():
        pass
    with data.in_use():
        pass


def test_logs_of_the_last_run_are_kept_once(data: DataDir) -> None:
    data.log("router").write_text("the last run")

    with data.in_use():
        assert not data.log("router").exists()

    assert (data.logs / "router.log.1").read_text() == "the last run"


def test_a_path_too_long_for_a_socket_is_refused_at_once(tmp_path: Path) -> None:
    data = DataDir(tmp_path / ("long" * 30))

    with pytest.raises(StartupError):
        data.prepare()

    assert not data.root.exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StartupError) as refused:
        DataDir(tmp_path / "data").prepare()

    assert "--data" in refused.value.problems[0]
