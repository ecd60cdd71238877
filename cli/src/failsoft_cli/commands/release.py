"""`failsoft release`."""

import click

from failsoft_cli import console
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose
from failsoft_cli.operator import WELL, AdminPort, actor_option, admin_options, ask_router
from failsoft_cli.render_targets import target_notes


@click.command()
@click.argument("target")
@actor_option
@admin_options
def command(*, target: str, actor: str, port: AdminPort) -> int:
    """Let TARGET in again that was isolated; what else keeps it out is said.

    \b
    Exit codes:
      0    it is not isolated, and perhaps was not before
      1    the router cannot be asked, or has no such target
      2    wrong usage
    """
    out = console.stdout()

    def release(admin: Admin) -> int:
        reply = admin.release(target, actor=actor)
        news = "is isolated no longer" if reply.was_isolated else "was not isolated"
        prose(out, f"{reply.target.name} {news}")
        for note in target_notes([reply.target]):
            prose(out, note)
        return WELL

    return ask_router(release, port=port, err=console.stderr())
