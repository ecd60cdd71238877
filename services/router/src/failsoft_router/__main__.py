"""`python -m failsoft_router [--config FILE]`."""

import argparse
import sys
from pathlib import Path

from failsoft_kit.process import main
from failsoft_router import wiring

parser = argparse.ArgumentParser(
    prog="failsoft_router", description="Serves failsoft.inference.v1."
)
parser.add_argument("--config", type=Path, metavar="FILE", help="settings, section `router`")
arguments = parser.parse_args()
sys.exit(main(lambda: wiring.run(arguments.config)))
