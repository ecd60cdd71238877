"""The options of every command that can call a router by TLS."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

from failsoft_client import Tls


def tls_options(command: Callable[..., int]) -> Callable[..., int]:
    """Who may vouch for the router: `tls`, None for a call in the clear."""

    @wraps(command)
    def with_tls(*, ca_file: Path | None, server_name: str, **others: object) -> int:
        if server_name and ca_file is None:
            raise click.UsageError("--server-name is for TLS: give --ca-file, too")
        return command(tls=_tls(ca_file, server_name), **others)

    trusted = click.option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Call by TLS, and trust whom these certificates (PEM) vouch for.",
    )
    name = click.option(
        "--server-name",
        default="",
        help="What the router's certificate is for, where that is not the address: behind"
        " `kubectl port-forward`.",
    )
    return trusted(name(with_tls))


def _tls(ca_file: Path | None, server_name: str) -> Tls | None:
    if ca_file is None:
        return None
    try:
        return Tls(authorities=ca_file.read_bytes(), server_name=server_name)
    except OSError as error:
        raise click.UsageError(f"--ca-file cannot be read: {error.strerror}") from error
    except ValueError:
        raise click.UsageError(f"--ca-file: there is no certificate in PEM in {ca_file}") from None
