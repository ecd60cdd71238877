"""`failsoft targets`."""

from pathlib import Path

import click
import grpc
from rich.console import Console

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli import console
from failsoft_cli.addresses import Ports, on_loopback
from failsoft_cli.admin import Admin, connected
from failsoft_cli.console import prose
from failsoft_cli.conversation import complain
from failsoft_cli.render import breaker_notes, check_notes, checks_table, targets_table
from failsoft_cli.supervisor.data_dir import DEFAULT, DataDir
from failsoft_client import FailsoftRpcError

WELL = 0
UNWELL = 1

_REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
_NO_FAULT = {pb.CHECK_RESULT_OK, pb.CHECK_RESULT_NO_CREDENTIAL}


@click.command()
@click.option("--check", is_flag=True, help="Make one tiny call to each target.")
@click.option(
    "--address",
    default=on_loopback(Ports().admin),
    show_default=True,
    help="The router's admin port.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT,
    show_default=True,
    help="The folder of `failsoft up`, which holds the service token.",
)
def command(*, check: bool, address: str, data: Path) -> int:
    """Show who may answer: credential, breaker, last error.

    --check calls each target once, past its breaker: ok, no credential, bad credential, no quota,
    unknown model, no network, failed. A provider may bill the few tokens.

    \b
    Exit codes:
      0    listed; with --check: every target that has a credential answered
      1    the router cannot be asked, or a checked target did not answer
      2    wrong usage
    """
    out, err = console.stdout(), console.stderr()
    token_file = DataDir(data).service_token
    try:
        with connected(address, token_file=token_file) as admin:
            return _check(admin, out) if check else _list(admin, out)
    except FailsoftRpcError as error:
        complain(error, address=address, err=err)
        if error.code in _REFUSED:
            prose(err, f"the token of this router is not the one in {token_file}: use --data")
        return UNWELL


def _list(admin: Admin, out: Console) -> int:
    targets = admin.targets()
    out.print(targets_table(targets), crop=False)
    for note in breaker_notes(targets):
        prose(out, note)
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
