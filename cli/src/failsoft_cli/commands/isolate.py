"""`failsoft isolate`."""

import click

from failsoft_cli import console
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose
from failsoft_cli.operator import WELL, AdminPort, actor_option, admin_options, ask_router
from failsoft_cli.program import spelling
from failsoft_kit.settings.types import format_duration, parse_duration

_SHORTEST_SECONDS = 1.0
_LONGEST_SECONDS = 30 * 86400.0


def _duration(_context: click.Context, _option: click.Parameter, value: str) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise click.BadParameter("must be 1s to 30d; for longer, take it out of the policy")
    return seconds


@click.command()
@click.argument("target")
@click.option(
    "--for",
    "ttl",
    metavar="TIME",
    required=True,
    callback=_duration,
    help="How long, such as 30s, 10m, 2h or 1d; it comes back by itself after that.",
)
@click.option("--reason", required=True, help="Why; callers see it in their hops.")
@actor_option
@admin_options
def command(*, target: str, ttl: float, reason: str, actor: str, port: AdminPort) -> int:
    """Take TARGET out, whatever its health, until the time is over or it is released.

    Calls in flight go on; later ones go to the next hop. A second order replaces the first, and
    a reload of the policy leaves it in force. It is an order to one router: where there are
    several, give it to each.

    \b
    Exit codes:
      0    it is out
      1    the router cannot be asked, or has no such target
      2    wrong usage
    """
    out = console.stdout()

    def isolate(admin: Admin) -> int:
        isolated = admin.isolate(target, ttl=ttl, actor=actor, reason=reason)
        prose(
            out,
            f"{isolated.name} is out for {format_duration(ttl)};"
            f" `{spelling()} release {isolated.name}` lets it in again",
        )
        return WELL

    return ask_router(isolate, port=port, err=console.stderr())
