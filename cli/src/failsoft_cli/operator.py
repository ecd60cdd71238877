"""What every command shares that asks the router's admin port."""

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc
from rich.console import Console

from failsoft_cli.addresses import Ports, on_loopback
from failsoft_cli.admin import Admin, connected
from failsoft_cli.console import prose
from failsoft_cli.conversation import complain
from failsoft_cli.supervisor.data_dir import DEFAULT, DataDir
from failsoft_client import FailsoftRpcError

WELL = 0
UNWELL = 1

_REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}

F = TypeVar("F", bound=Callable[..., Any])


def admin_options(command: F) -> F:
    """Where the admin port is, and where the token for it: `address` and `data`."""
    address = click.option(
        "--address",
        default=on_loopback(Ports().admin),
        show_default=True,
        help="The router's admin port.",
    )
    data = click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEFAULT,
        show_default=True,
        help="The folder of `failsoft up`, which holds the service token.",
    )
    return address(data(command))


def actor_option(command: F) -> F:
    """Who wants it: `actor`."""
    return click.option(
        "--actor",
        default=_login_name,
        show_default="your login name",
        help="Who wants it, for the audit line.",
    )(command)


def ask_router(act: Callable[[Admin], int], *, address: str, data: Path, err: Console) -> int:
    """Do something at an admin port; a failure is explained on `err`.

    Returns:
        What `act` returns, or UNWELL.

    Raises:
        StartupError: The token's file holds no token.
    """
    token_file = DataDir(data).service_token
    try:
        with connected(address, token_file=token_file) as admin:
            return act(admin)
    except FailsoftRpcError as error:
        if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
            prose(err, f"{address} does not answer in time: its log says what it does", style="red")
            return UNWELL
        complain(error, address=address, err=err)
        if error.code in _REFUSED:
            prose(err, f"the token of this router is not the one in {token_file}: use --data")
        return UNWELL


def _login_name() -> str:
    """Who is logged in; a user without a name, as in a container, goes by its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
