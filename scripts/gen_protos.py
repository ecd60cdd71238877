"""Generate protos/gen from protos/proto; with --check, say whether it is up to date."""

import argparse
import filecmp
import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos" / "proto"
GEN = ROOT / "protos" / "gen"


def generate(out: Path) -> None:
    """Write messages, stubs and their types of every proto file below `out`."""
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    # Named, because the environment may be in use without being on the PATH.
    plugins = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"--proto_path={PROTOS}",
        f"--proto_path={well_known}",
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet:{out}",
        *files,
    ]
    if protoc.main(arguments) != 0:
        sys.exit("protoc failed: see its message above")
    for package in sorted({path.parent for path in out.rglob("*_pb2.py")}):
        (package / "py.typed").touch()


def differences(left: Path, right: Path) -> list[str]:
    """Paths that are in one folder only or differ, caches aside."""
    comparison = filecmp.dircmp(left, right, ignore=["__pycache__"])
    found = [str(Path(comparison.left) / name) for name in comparison.left_only]
    found += [str(Path(comparison.right) / name) for name in comparison.right_only]
    found += [str(Path(comparison.right) / name) for name in comparison.diff_files]
    for name in comparison.common_dirs:
        found += differences(left / name, right / name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        if check:
            stale = differences(fresh, GEN)
            if stale:
                sys.exit("protos/gen is stale, run `make protos`:\n  " + "\n  ".join(stale))
            return
        shutil.rmtree(GEN, ignore_errors=True)
        shutil.copytree(fresh, GEN)


if __name__ == "__main__":
    main()
