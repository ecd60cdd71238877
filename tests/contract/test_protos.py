"""The contracts are well formed, break no client, and the generated code is theirs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "protos" / "proto").rglob("*.proto"))


def run(*command: str) -> str:
    """What the command says; empty when it finds nothing wrong."""
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    output = process.stdout + process.stderr
    return output if process.returncode else ""


def buf(*arguments: str) -> str:
    return run(str(Path(sys.executable).with_name("buf")), *arguments)


def test_the_contracts_are_in_good_style() -> None:
    assert buf("lint", "protos") == ""


def test_no_change_breaks_a_client_of_the_baseline() -> None:
    """The baseline is what clients have: it changes (`buf build`) with a release that says so."""
    assert buf("breaking", "protos", "--against", "protos/baseline.binpb") == ""


def test_the_baseline_check_can_fail(tmp_path: Path) -> None:
    """A comparison with the wrong folder would find nothing to complain about, for ever."""
    for file in FILES:
        copy = tmp_path / "proto" / file.relative_to(ROOT / "protos" / "proto")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text().replace("string served_by = 3;", "string server = 3;"))
    (tmp_path / "buf.yaml").write_text((ROOT / "protos" / "buf.yaml").read_text())

    complaint = buf("breaking", str(tmp_path), "--against", "protos/baseline.binpb")

    assert "served_by" in complaint


def test_the_generated_code_is_up_to_date() -> None:
    """It is committed, so that nobody needs a compiler to use it."""
    assert run(sys.executable, "scripts/gen_protos.py", "--check") == ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_names_its_go_and_java_packages(file: Path) -> None:
    """Without them a Go or Java client has to patch the contract before it can use it."""
    text = file.read_text()
    package = re.search(r"^package (failsoft\.(\w+)\.v1);$", text, re.MULTILINE)
    assert package is not None
    name, service = package.groups()
    folder = name.replace(".", "/")

    assert f'option go_package = "failsoft.dev/gen/go/{folder};{service}v1";' in text
    assert f'option java_package = "dev.{name}";' in text
    assert "option java_multiple_files = true;" in text
    assert file.parent == ROOT / "protos" / "proto" / folder
