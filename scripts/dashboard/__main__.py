"""Write Grafana's dashboard; with --check, say whether it is up to date."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.dashboard import attempts, cache, callers, local_llm, processes, targets
from scripts.dashboard.grafana import dashboard

FILE = Path(__file__).resolve().parents[2] / "deploy/observability/grafana/failsoft.json"
ROWS = (callers.ROW, targets.ROW, attempts.ROW, cache.ROW, local_llm.ROW, processes.ROW)


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 where the file is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    text = json.dumps(dashboard(ROWS), indent=2) + "\n"
    if check:
        if FILE.read_text() == text:
            return 0
        print(f"{FILE.name} is out of date: run `make docs`", file=sys.stderr)
        return 1
    FILE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
