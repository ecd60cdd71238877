"""`python -m failsoft_router [--config FILE] | check-policy FILE`; without a command it serves."""

import argparse
import sys
from pathlib import Path

from failsoft_kit import process
from failsoft_router.check_policy import NAME, check_policy
from failsoft_router.wiring import service


def main() -> int:
    """Runs what the command line asks for, and gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="failsoft_router", description="Serves failsoft.inference.v1."
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, section `router`")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    check = commands.add_parser(NAME, help="say every mistake of a policy, and end")
    check.add_argument("policy", type=Path, metavar="FILE", help="the policy")
    arguments = parser.parse_args()
    if arguments.command == NAME:
        return check_policy(arguments.policy)
    return process.main(lambda: service.run(arguments.config))


if __name__ == "__main__":
    sys.exit(main())
