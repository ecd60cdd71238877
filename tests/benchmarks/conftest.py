"""The benchmarks are no package of the workspace; their arithmetic is tested from here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
