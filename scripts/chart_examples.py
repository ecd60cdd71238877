"""Render the chart's values.yaml and values-*.yaml to deploy/helm/failsoft/examples/*/rendered.

With --check, say whether the folders are up to date. What the chart would draw at random
when it is installed is replaced by a word.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy" / "helm" / "failsoft"
CLUSTERS = {"production": ("--api-versions", "monitoring.coreos.com/v1")}
"""What an example's cluster has beyond Kubernetes."""
DRAWN = re.compile(
    r"^(  [\w.-]+: |        checksum/secret: )([A-Za-z0-9+/]{80,}={0,2}|[0-9a-f]{64})$",
    re.MULTILINE,
)


def helm() -> str:
    """The helm program's path; exits with the reason where there is none."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "chart_tools.py"), "helm"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if found.returncode:
        sys.exit(found.returncode)
    return found.stdout.strip()


def examples() -> Iterator[tuple[str, tuple[str, ...]]]:
    """The name of each example, and what Helm is told for it."""
    yield "default", ()
    for values in sorted(CHART.glob("values-*.yaml")):
        name = values.stem.removeprefix("values-")
        yield name, ("--values", str(values), *CLUSTERS.get(name, ()))


def render(program: str, arguments: Sequence[str], out: Path) -> None:
    """Write each template's manifests below `out`, by its path in the chart."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(program, "template", "failsoft", str(CHART), "--namespace", "failsoft"),
                *("--output-dir", folder, *arguments),
            ],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        shutil.copytree(Path(folder) / "failsoft" / "templates", out)
    for manifest in out.rglob("*.yaml"):
        text = manifest.read_text()
        if "kind: Secret" in text:
            manifest.write_text(DRAWN.sub(r"\1<made at installation>", text))


def contents(folder: Path) -> dict[str, str]:
    """The text of every file below a folder, by its path in it; empty where there is none."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def differences(left: Path, right: Path) -> list[str]:
    """The files that only one of the folders has, or that differ, as paths in the right one."""
    ours, theirs = contents(left), contents(right)
    names = sorted(ours.keys() | theirs.keys())
    return [str(right / name) for name in names if ours.get(name) != theirs.get(name)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    program = helm()
    stale: list[str] = []
    for name, arguments in examples():
        rendered = CHART / "examples" / name / "rendered"
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder) / "rendered"
            render(program, arguments, fresh)
            stale += differences(fresh, rendered)
            if not check:
                shutil.rmtree(rendered, ignore_errors=True)
                shutil.copytree(fresh, rendered)
    if check and stale:
        sys.exit("stale, run scripts/chart_examples.py:\n  " + "\n  ".join(stale))


if __name__ == "__main__":
    main()
