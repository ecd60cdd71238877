"""scripts/images.py, with a program that plays a builder and writes down what it was told."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "images.py"
BUILDER = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$(dirname "$0")/told"
exit {status}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with nothing on it but what git and the shell need."""
    for name in ("git", "sh", "basename", "dirname"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True)
        (tmp_path / name).symlink_to(found.stdout.strip())
    return tmp_path


def play(path: Path, builder: str, *, status: int = 0) -> None:
    (path / builder).write_text(BUILDER.format(status=status))
    (path / builder).chmod(0o755)


def told(path: Path) -> list[str]:
    return (path / "told").read_text().splitlines()


def images(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_a_release_runs_is_built_each_from_its_stage(path: Path) -> None:
    play(path, "docker")

    done = images(path, "--tag", "dev")

    assert done.returncode == 0, done.stderr
    assert [re.sub(r" --build-arg[ =]\S+", "", line) for line in told(path)] == [
        f"docker build -t failsoft/{service}:dev -f Dockerfile --target {service} ."
        for service in ("router", "cache", "local-llm", "valkey")
    ]
    assert all("--build-arg REVISION=" in line for line in told(path))


@pytest.mark.parametrize(
    ("builder", "option"),
    [
        ("docker", "--build-arg=SOURCE_DATE_EPOCH"),
        ("podman", "--timestamp"),
        ("buildah", "--timestamp"),
    ],
)
def test_what_is_built_bears_the_time_of_the_commit(path: Path, builder: str, option: str) -> None:
    play(path, builder)

    images(path, "router")

    assert re.match(rf"{builder} build {option}=\d{{10}} ", told(path)[0])


def test_what_is_no_repository_bears_the_time_0(path: Path) -> None:
    play(path, "podman")
    (path / "git").unlink()

    images(path, "router")

    assert told(path)[0].startswith("podman build --timestamp=0 ")


def test_what_was_built_is_pushed_to_the_registry(path: Path) -> None:
    play(path, "buildah")

    images(path, "--registry", "registry.example.com/team/", "--tag", "1", "--push", "cache")

    name = "registry.example.com/team/failsoft/cache:1"
    assert f" -t {name} " in told(path)[0]
    assert told(path)[1:] == [f"buildah push {name}"]


def test_a_builder_of_ones_own_is_asked_in_the_same_words(path: Path) -> None:
    play(path, "mine")

    images(path, "--build", "mine make --fast", "--tag", "1", "router")

    assert told(path)[0].startswith("mine make --fast -t failsoft/router:1 -f Dockerfile ")


def test_nothing_is_pushed_when_a_build_fails(path: Path) -> None:
    play(path, "docker", status=3)

    done = images(path, "--registry", "r.example", "--push")

    assert done.returncode == 3
    assert len(told(path)) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--push"], "needs a --registry", id="a push to nowhere"),
        pytest.param(["postgres"], "'postgres' is none of router, cache", id="no service"),
        pytest.param([], "docker, podman, buildah, and none of them is here", id="no builder"),
    ],
)
def test_what_cannot_be_done_is_said(path: Path, words: list[str], sentence: str) -> None:
    done = images(path, *words)

    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
