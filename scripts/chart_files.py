"""Copy what the chart ships of deploy/observability into it: Helm reads nothing outside of a chart.

With --check, say whether the copies are up to date.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "deploy" / "observability"
FILES = ROOT / "deploy" / "helm" / "failsoft" / "files"
COPIES = {
    "alerts.yaml": "prometheus/alerts.yaml",
    "collector.yaml": "collector/config.yaml",
    "dashboard.json": "grafana/failsoft.json",
}
"""What each file of the chart is a copy of."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    for copy, source in COPIES.items():
        fresh = (SOURCES / source).read_bytes()
        here = FILES / copy
        if here.exists() and here.read_bytes() == fresh:
            continue
        if check:
            sys.exit(f"{here} is stale: run scripts/chart_files.py")
        here.write_bytes(fresh)


if __name__ == "__main__":
    main()
