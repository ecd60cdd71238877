"""`failsoft targets`."""

import click
from rich.console import Console

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli import console
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose, time_of_day
from failsoft_cli.operator import UNWELL, WELL, AdminPort, admin_options, ask_router
from failsoft_cli.render_targets import WIDE, check_notes, checks_table, target_notes, targets_table
from failsoft_cli.target_view import show_live, tell_changes
from failsoft_kit.clock import SystemClock

_NO_FAULT = {pb.CHECK_RESULT_OK, pb.CHECK_RESULT_NO_CREDENTIAL}


@click.command()
@click.option("--check", is_flag=True, help="Make one tiny call to each target.")
@click.option("--watch", is_flag=True, help="Show every change, until Ctrl-C.")
@admin_options
def command(*, check: bool, watch: bool, port: AdminPort) -> int:
    """Show who may answer: credential, breaker, last error, and which gates are shut and why.

    --check calls each target once, isolated ones too, past its gates: ok, no credential, bad
    credential, no quota, unknown model, no network, failed. A provider may bill the few tokens.

    --watch keeps a table up to date on a terminal; elsewhere it writes a line for each change.

    \b
    Exit codes:
      0    listed, or watched until Ctrl-C; with --check: every target that has a credential
           answered
      1    the router cannot be asked, or a checked target did not answer
      2    wrong usage
    """
    if check and watch:
        raise click.UsageError("--check and --watch do not go together: check first")
    out, act = console.stdout(), _check if check else _watch if watch else _list
    return ask_router(lambda admin: act(admin, out), port=port, err=console.stderr())


def _list(admin: Admin, out: Console) -> int:
    targets = admin.targets()
    out.print(targets_table(targets, wide=out.width >= WIDE), crop=False)
    for note in target_notes(targets):
        prose(out, note)
    return WELL


def _watch(admin: Admin, out: Console) -> int:
    clock = SystemClock()
    try:
        if out.is_terminal:
            show_live(admin.watch_targets(), out, now=clock.now)
        else:
            tell_changes(admin.watch_targets(), out, time_of_day=lambda: time_of_day(clock))
    except KeyboardInterrupt:
        pass
    return WELL


def _check(admin: Admin, out: Console) -> int:
    targets = admin.targets()
    with out.status(f"asking {len(targets)} targets"):
        results = admin.check(targets)
    checks = list(zip(targets, results, strict=True))
    out.print(checks_table(checks), crop=False)
    for note in check_notes(checks):
        prose(out, note)
    return WELL if all(each.result in _NO_FAULT for each in results) else UNWELL
