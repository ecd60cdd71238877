"""Helm 3 beside the Helm of PATH, as `make helm3` builds it."""

from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "build" / "bin" / "helm3"
MISSING = "Helm 3 is not here: `make helm3` builds it where there is Go"


def is_built() -> bool:
    return PROGRAM.exists()
