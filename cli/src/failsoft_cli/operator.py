"""What every command shares that asks the router's admin port."""

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc
from rich.console import Console

from failsoft_cli.addresses import Ports, is_on_loopback, on_loopback
from failsoft_cli.admin import Admin, connected
from failsoft_cli.console import prose
from failsoft_cli.conversation import complain
from failsoft_cli.supervisor.data_dir import DEFAULT, DataDir
from failsoft_cli.tls import tls_options
from failsoft_client import FailsoftRpcError, Tls
from failsoft_kit.identity import ServiceToken

WELL = 0
UNWELL = 1

_REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminPort:
    """Where an operator's calls go, and what they show.

    Attributes:
        data: The folder with the service token.
        in_the_clear: The token may leave this machine without TLS.
        tls: None: calls travel in the clear.
    """

    address: str
    data: Path
    in_the_clear: bool
    tls: Tls | None = None

    @property
    def token_file(self) -> Path:
        """Holds the token, if there is one."""
        return DataDir(self.data).service_token

    def token(self) -> ServiceToken | None:
        """The token in its file; None: there is no such file, and none is shown.

        Raises:
            StartupError: The file holds no token.
        """
        return ServiceToken.from_file(self.token_file) if self.token_file.exists() else None

    def refuse_to_tell(self) -> None:
        """
        Raises:
            UsageError: The token would be readable on its way.
        """
        may_travel = self.in_the_clear or self.tls is not None or is_on_loopback(self.address)
        if may_travel or not self.token_file.exists():
            return
        raise click.UsageError(
            f"{self.address} is not on this machine, and the service token would travel there in"
            " the clear: go through a tunnel, such as `kubectl port-forward`, or say"
            " --in-the-clear where you trust the network"
        )


def port_options(number: int, *, what: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Where a port of the router is, and where the token for it: `port`, an `AdminPort`.

    Args:
        number: Its usual one.
        what: What it is, for the help.
    """

    def decorated(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def with_port(*, address: str, data: Path, in_the_clear: bool, **others: object) -> int:
            port = AdminPort(address=address, data=data, in_the_clear=in_the_clear)
            return command(port=port, **others)

        clear = click.option(
            "--in-the-clear",
            is_flag=True,
            help="Show the service token to another machine without TLS.",
        )
        where = click.option("--address", default=on_loopback(number), show_default=True, help=what)
        data = click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            default=DEFAULT,
            show_default=True,
            help="The folder of `failsoft up`, which holds the service token.",
        )
        return where(data(clear(with_port)))

    return decorated


def admin_options(command: Callable[..., int]) -> Callable[..., int]:
    """Where the admin port is, how it is called, and where the token for it is: `port`."""

    @wraps(command)
    def with_tls(*, port: AdminPort, tls: Tls | None, **others: object) -> int:
        return command(port=replace(port, tls=tls), **others)

    return port_options(Ports().admin, what="The router's admin port.")(tls_options(with_tls))


def actor_option(command: F) -> F:
    """Who wants it: `actor`."""
    return click.option(
        "--actor",
        default=_login_name,
        show_default="your login name",
        help="Who wants it, for the audit line.",
    )(command)


def ask_router(act: Callable[[Admin], int], *, port: AdminPort, err: Console) -> int:
    """Do something at an admin port; a failure is explained on `err`.

    Returns:
        What `act` returns, or UNWELL.

    Raises:
        StartupError: The token's file holds no token.
        UsageError: The token would be readable on its way.
    """
    port.refuse_to_tell()
    address, token_file = port.address, port.token_file
    try:
        with connected(address, token_file=token_file, tls=port.tls) as admin:
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
