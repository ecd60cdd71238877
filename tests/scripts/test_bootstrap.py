"""What `make setup` does before and around uv."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.integration

BOOTSTRAP = Path(__file__).resolve().parents[2] / "scripts" / "bootstrap.py"
WRITES_DOWN = """\
#!/bin/sh
printf '%s\\n' "$@" >arguments
printf 'Resolved 2 packages\\n + one==1.0\\n ~ two==2.0\\n' >&2
exit 3
"""

MakeVenv = Callable[[str], None]


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, in a workspace whose uv only writes down what it is told."""
    spec = importlib.util.spec_from_file_location("bootstrap", BOOTSTRAP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    uv = tmp_path / "uv"
    uv.write_text(WRITES_DOWN)
    uv.chmod(0o755)
    for name, place in (("ROOT", tmp_path), ("VENV", tmp_path / ".venv"), ("UV", uv)):
        monkeypatch.setattr(module, name, place)
    return module


@pytest.fixture
def make_venv(tmp_path: Path) -> MakeVenv:
    """Makes a .venv whose Python is this shell script."""

    def make(script: str) -> None:
        python = tmp_path / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)

    return make


def told(root: Path) -> list[str]:
    """What uv was told."""
    return (root / "arguments").read_text().splitlines()


def test_a_venv_that_works_is_kept_whichever_python_calls(
    bootstrap: ModuleType, make_venv: MakeVenv, tmp_path: Path
) -> None:
    """It would otherwise be built anew each time that `python3` means another one."""
    make_venv("echo 3 14")

    assert bootstrap.uv("sync") == 3

    assert told(tmp_path) == ["sync", "--frozen"]


def test_a_first_venv_is_made_with_the_python_that_calls(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    bootstrap.uv("sync")

    assert told(tmp_path) == ["sync", "--frozen", "--python", sys.executable]


@pytest.mark.parametrize("script", ["echo 3 10", "exit 1", "echo what"])
def test_a_venv_that_is_too_old_or_broken_is_made_anew(
    bootstrap: ModuleType, make_venv: MakeVenv, tmp_path: Path, script: str
) -> None:
    make_venv(script)

    bootstrap.uv("sync")

    assert told(tmp_path)[-2:] == ["--python", sys.executable]


def test_a_venv_whose_python_was_removed_is_made_anew(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(tmp_path / "gone")

    assert bootstrap.venv_version() is None


def test_lines_about_packages_are_left_out(
    bootstrap: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    bootstrap.uv("sync")

    assert capfd.readouterr().err == "Resolved 2 packages\n"


def test_progress_is_shown_at_once_and_packages_never_in_whatever_pieces_they_come(
    bootstrap: ModuleType,
) -> None:
    output = [b"50 %\r", b"100 %\r", b"Installed\n \x1b[32m", b"+\x1b[39m one", b"\n bye\n"]

    shown = list(bootstrap.without_packages(output))

    assert shown[:2] == [b"50 %\r", b"100 %\r"]
    assert b"".join(shown) == b"50 %\r100 %\rInstalled\n bye\n"


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-cp312-cp312-any.whl", True),
        ("a-1-cp311-abi3-any.whl", True),
        ("a-1-cp313-cp313-any.whl", False),
        ("a-1-cp312-cp312-win_amd64.whl", False),
    ],
)
def test_only_wheels_for_the_python_of_the_venv_are_counted(
    bootstrap: ModuleType, wheel: str, fits: bool
) -> None:
    assert bootstrap.fits(wheel, (3, 12)) is fits
