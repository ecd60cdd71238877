"""`failsoft hops`."""

import click

from failsoft_cli import console
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose, time_of_day
from failsoft_cli.hop_view import tell_hops
from failsoft_cli.operator import WELL, AdminPort, admin_options, ask_router
from failsoft_kit.clock import SystemClock


@click.command()
@click.option("--tenant", default="", help="Only hops of this tenant's requests.")
@click.option("--route", default="", help="Only hops of this route.")
@admin_options
def command(*, tenant: str, route: str, port: AdminPort) -> int:
    """Show hops as they end, until Ctrl-C: who was tried, skipped and served, and why.

    A line has the time, the walk's id for `explain`, the tenant, the route, and the hop.
    A hop that was left running as a probe has a second line when its call has ended.
    Questions and answers are never shown.

    \b
    Exit codes:
      0    ended by Ctrl-C
      1    the router cannot be asked, or went away
      2    wrong usage
    """
    out, err, clock = console.stdout(), console.stderr(), SystemClock()

    def watch(admin: Admin) -> int:
        try:
            with admin.watching_hops(tenant=tenant, route=route) as hops:
                prose(err, f"watching the hops of {port.address}; Ctrl-C ends it", style="dim")
                tell_hops(hops, out, time_of_day=lambda: time_of_day(clock))
        except KeyboardInterrupt:
            pass
        return WELL

    return ask_router(watch, port=port, err=err)
