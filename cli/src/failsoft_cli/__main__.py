"""The `failsoft` command."""

import importlib
import sys
from collections.abc import Mapping

import click

from failsoft_cli.program import spelling
from failsoft_kit.startup import StartupError

_COMMANDS: Mapping[str, str] = {
    "up": "Run every service on this machine.",
    "chat": "Ask a question, or have a conversation.",
    "status": "Show how everything is.",
    "targets": "Show who may answer, check them, watch them.",
    "hops": "Watch who answers, and who is skipped and why.",
    "explain": "Tell why an answer is as it is.",
    "isolate": "Take a target out for a while.",
    "release": "Let an isolated target in again.",
    "keys": "Say who may ask: make, list and revoke API keys.",
    "reload": "Have the policy read again.",
    "demo": "See answers survive what befalls their providers.",
    "bench": "Measure the models that this machine can serve.",
    "upstream": "Run a provider look-alike that fails on command.",
}

_EXIT_CODES = """
\b
Exit codes:
  0    done; `up`: drained after a signal
  1    it failed, and the last line says why
  2    wrong usage, or refused to start
  130  interrupted
"""

_REFUSED = 2


class _LazyGroup(click.Group):
    """Imports a command when it is run: `failsoft --help` needs none of the services' code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(
            f"failsoft_cli.commands.{cmd_name}"
        ).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="failsoft-cli", prog_name="failsoft")
def cli() -> None:
    """Answers LLM requests even when the providers behind it don't."""


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        code: int | None = cli.main(prog_name=spelling(), standalone_mode=False)
    except StartupError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        return _REFUSED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    return code or 0


if __name__ == "__main__":
    sys.exit(main())
