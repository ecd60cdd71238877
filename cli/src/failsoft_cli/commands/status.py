"""`failsoft status`."""

import json

import click
from rich.console import Console

from failsoft_cli import console
from failsoft_cli.addresses import Ports
from failsoft_cli.console import prose
from failsoft_cli.health import Health, HealthUnknown, health_of
from failsoft_cli.operator import UNWELL, WELL, AdminPort, port_options
from failsoft_cli.render_health import (
    headline,
    health_targets_table,
    services_table,
    troubles,
    walks_line,
)
from failsoft_cli.render_targets import WIDE

_DEGRADED = 3
_CODES = {"ready": WELL, "degraded": _DEGRADED}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write the router's document instead.")
@port_options(Ports().http, what="The router's HTTP port.")
def command(*, as_json: bool, port: AdminPort) -> int:
    """Show how everything is: services, engines, targets, and how often callers got less.

    It asks the router once, by GET /health; docs/operations.md explains every field.

    \b
    Exit codes:
      0    ready
      1    the router cannot be asked, or takes no requests
      2    wrong usage
      3    degraded: it answers, and something is missed that could help to
    """
    port.refuse_to_tell()
    try:
        health = health_of(port.address, token=port.token())
    except HealthUnknown as why:
        prose(console.stderr(), str(why), style="red")
        return UNWELL
    if as_json:
        click.echo(json.dumps(health, indent=2))
    else:
        _show(health, console.stdout())
    return _CODES.get(health["status"], UNWELL)


def _show(health: Health, out: Console) -> None:
    out.print(headline(health))
    out.print(services_table(health), crop=False)
    out.print(health_targets_table(health, wide=out.width >= WIDE), crop=False)
    prose(out, walks_line(health))
    for trouble in troubles(health):
        prose(out, trouble, style="yellow")
