"""`python -m failsoft_cache [--config FILE]`."""

import argparse
import sys
from pathlib import Path

from failsoft_cache import wiring
from failsoft_kit.process import main

parser = argparse.ArgumentParser(prog="failsoft_cache", description="Serves failsoft.cache.v1.")
parser.add_argument("--config", type=Path, metavar="FILE", help="settings, section `cache`")
arguments = parser.parse_args()
sys.exit(main(lambda: wiring.run(arguments.config)))
