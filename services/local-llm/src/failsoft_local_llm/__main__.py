"""`failsoft-local-llm [--config FILE] | explain-profile`; without a command it serves."""

import argparse
import sys
from pathlib import Path

from failsoft_kit import process
from failsoft_local_llm import explain_profile, wiring


def main() -> int:
    """Runs what the command line asks for, and gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="failsoft-local-llm",
        description="Serves failsoft.inference.v1 with a local model, or does what a command says.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, section `local_llm`")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    explain_profile.add_arguments(
        commands.add_parser(explain_profile.NAME, help="say which model fits this machine, and why")
    )
    arguments = parser.parse_args()
    if arguments.command is None:
        return process.main(lambda: wiring.run(arguments.config))
    if arguments.config is not None:
        parser.error("--config is for serving only")
    return explain_profile.explain_profile(arguments)


if __name__ == "__main__":
    sys.exit(main())
