"""`failsoft demo`."""

import asyncio
import os
from pathlib import Path

import click

from failsoft_cli.demo.runner import demo


@click.command()
@click.option("--fast", is_flag=True, help="Don't pause for readers.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for stored answers, secrets and logs; default: one that is removed at the end.",
)
def command(*, fast: bool, data: Path | None) -> int:
    """See answers survive what befalls their providers, in less than a minute.

    Every service runs as a process of its own, on free ports, with a real Valkey and a real model.
    The cloud is a look-alike that fails on command. Each act asserts what it shows.

    \b
    Exit codes:
      0    all acts were as promised
      1    one was not; the last line says which, what was expected and what was seen
      2    refused to start
      130  interrupted
    """
    return asyncio.run(demo(data, fast=fast, environ=os.environ))
