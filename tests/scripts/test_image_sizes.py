"""scripts/image_sizes.py, with a program that lists images as builders do."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "image_sizes.py"
BUILDAH = """\
#!/bin/sh
cat <<END
docker.io/library/python:3.11-slim-bookworm   231 MB
docker.io/failsoft/router:0.1.0               331 MB
docker.io/failsoft/local-llm-gpu:0.1.0        9.69 GB
docker.io/failsoft/router:older               400 MB
<none>:<none>                                 388 MB
END
"""
DOCKER = """\
#!/bin/sh
cat <<END
python:3.11-slim-bookworm 130MB
registry.example.com/failsoft/cache:0.1.0 194.5MB
END
"""
NOTHING = "#!/bin/sh\n"


def sizes(folder: Path, program: str, says: str) -> subprocess.CompletedProcess[str]:
    path = folder / program
    path.write_text(says)
    path.chmod(0o755)
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--program", str(path), "0.1.0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_each_image_with_the_tag_has_a_line_with_what_it_adds_to_the_base(tmp_path: Path) -> None:
    done = sizes(tmp_path, "buildah", BUILDAH)

    assert done.stdout.splitlines() == [
        "| image | whole | beyond the base |",
        "|---|---|---|",
        "| `python:3.11-slim-bookworm`, the base | 231 MB | |",
        "| `failsoft/local-llm-gpu:0.1.0` | 9690 MB | 9459 MB |",
        "| `failsoft/router:0.1.0` | 331 MB | 100 MB |",
    ]


def test_docker_writes_sizes_without_a_space_and_images_may_be_a_registrys(tmp_path: Path) -> None:
    done = sizes(tmp_path, "docker", DOCKER)

    line = "| `registry.example.com/failsoft/cache:0.1.0` | 194 MB | 64 MB |"
    assert done.stdout.splitlines()[-1] == line


def test_without_images_it_says_so(tmp_path: Path) -> None:
    done = sizes(tmp_path, "podman", NOTHING)

    assert done.returncode == 1
    assert "no image of ours with such a tag" in done.stderr
