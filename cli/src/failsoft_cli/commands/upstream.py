"""`failsoft upstream`."""

import click

from failsoft_cli.program import spelling
from failsoft_upstream.__main__ import main


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.pass_context
def command(context: click.Context) -> int:
    """Run a provider look-alike that fails on command; its own --help tells how."""
    return main(context.args, program=f"{spelling()} upstream")
