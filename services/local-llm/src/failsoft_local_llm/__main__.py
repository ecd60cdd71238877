"""`python -m failsoft_local_llm [--config FILE]`."""

import argparse
import sys
from pathlib import Path

from failsoft_kit.process import main
from failsoft_local_llm import wiring

parser = argparse.ArgumentParser(
    prog="failsoft_local_llm", description="Serves failsoft.inference.v1 with a local model."
)
parser.add_argument("--config", type=Path, metavar="FILE", help="settings, section `local_llm`")
arguments = parser.parse_args()
sys.exit(main(lambda: wiring.run(arguments.config)))
