"""`failsoft-local-llm [--config FILE] | explain-profile | preload`; without a command it serves."""

import argparse
import sys
from pathlib import Path

from failsoft_local_llm import explain_profile
from failsoft_local_llm.preload import errand


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
    errand.add_arguments(
        commands.add_parser(errand.NAME, help="fetch a model before it is needed, and check it")
    )
    arguments = parser.parse_args()
    if arguments.command is None:
        return _serve(arguments.config)
    if arguments.config is not None:
        parser.error("--config is for serving only")
    if arguments.command == errand.NAME:
        return _preload(errand.errand_of(arguments))
    return explain_profile.explain_profile(arguments)


# Each imports what only it needs: gRPC and the engines' adapters here, the hub's library there.


def _serve(config: Path | None) -> int:
    from failsoft_kit import process
    from failsoft_local_llm import wiring

    return process.main(lambda: wiring.run(config))


def _preload(given: errand.Errand) -> int:
    from failsoft_local_llm.preload.command import preload

    return preload(given)


if __name__ == "__main__":
    sys.exit(main())
