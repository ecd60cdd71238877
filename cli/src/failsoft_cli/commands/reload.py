"""`failsoft reload`."""

import click

from failsoft_cli import console
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose
from failsoft_cli.operator import WELL, AdminPort, admin_options, ask_router
from failsoft_client import FailsoftRpcError


@click.command()
@admin_options
def command(*, port: AdminPort) -> int:
    """Have the router read its policy again, now.

    A changed file is noticed within seconds anyway; this says at once whether it is good. A
    policy with mistakes is refused with each of them, and the one before stays in force.
    Requests in flight keep the policy that they began with.

    \b
    Exit codes:
      0    what the file says is in force
      1    the router cannot be asked, or refuses the policy: stderr has every mistake
      2    wrong usage
    """
    out, err = console.stdout(), console.stderr()

    def reload(admin: Admin) -> int:
        try:
            changed = admin.reload()
        except FailsoftRpcError as error:
            if error.reason == "POLICY_REFUSED":
                prose(err, f"{error.message}; the one before stays in force:", style="red")
            raise
        prose(out, "the new policy is in force" if changed else "the policy has not changed")
        return WELL

    return ask_router(reload, port=port, err=err)
