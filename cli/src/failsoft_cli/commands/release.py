"""`failsoft release`."""

import click

from failsoft_cli import console
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose
from failsoft_cli.operator import WELL, AdminPort, actor_option, admin_options, ask_router
from failsoft_cli.render_targets import gate_word, target_notes


@click.command()
@click.argument("target")
@click.option(
    "--all-gates",
    is_flag=True,
    help="Also open what a provider's refusals have shut: quota, credential, model.",
)
@actor_option
@admin_options
def command(*, target: str, all_gates: bool, actor: str, port: AdminPort) -> int:
    """Let TARGET in again that was isolated; what else keeps it out is said.

    --all-gates is for when you know that the reason is gone: the account was paid, the key was
    mended in place, the model is back. It counts for every target with the same key.

    \b
    Exit codes:
      0    it is not isolated, and perhaps was not before
      1    the router cannot be asked, or has no such target
      2    wrong usage
    """
    out = console.stdout()

    def release(admin: Admin) -> int:
        reply = admin.release(target, actor=actor, all_gates=all_gates)
        news = "is isolated no longer" if reply.was_isolated else "was not isolated"
        prose(out, f"{reply.target.name} {news}")
        if reply.opened:
            prose(out, f"its gates are open: {', '.join(map(gate_word, reply.opened))}")
        for note in target_notes([reply.target]):
            prose(out, note)
        return WELL

    return ask_router(release, port=port, err=console.stderr())
