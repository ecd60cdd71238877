"""`failsoft up`."""

import asyncio
import os
from pathlib import Path

import click

from failsoft_cli.addresses import LARGEST_OFFSET
from failsoft_cli.supervisor import collector
from failsoft_cli.supervisor.data_dir import DEFAULT
from failsoft_cli.supervisor.up import Wishes, up


def _otlp(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and (fault := collector.fault_of(value)):
        raise click.BadParameter(f"it {fault}")
    return value


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT,
    show_default=True,
    help="Folder for stored answers, secrets, logs and keys (secrets/openai).",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Who may answer, in which order; default: one that comes with the command.",
)
@click.option(
    "--otlp",
    metavar="URL",
    callback=_otlp,
    help="Send spans and metrics to this collector: http://localhost:4317 is a Jaeger's port. Over"
    " HTTP where the URL has port 4318 or a path, else over gRPC.",
)
@click.option(
    "--port-offset",
    type=click.IntRange(0, LARGEST_OFFSET),
    default=0,
    show_default=True,
    help="Added to every port: 50050 (router), 50051, 50052, 50060 (admin) and 50080 (HTTP).",
)
def command(data: Path, policy: Path | None, otlp: str | None, port_offset: int) -> int:
    """Run every service on this machine until Ctrl-C.

    Router, cache, local-llm and a real Valkey run as processes of their own, on loopback.
    OpenAI, Anthropic and Gemini are asked whose keys are in OPENAI_API_KEY, ANTHROPIC_API_KEY,
    GEMINI_API_KEY, or in DATA/secrets/openai, anthropic, gemini; without a key a hop is skipped.

    A service that dies is started again, after 1 s, 2 s, 4 s and so on up to 30 s, and you are
    told why it died. One that dies before it was ever ready, or that refuses its configuration,
    ends everything.

    \b
    Exit codes:
      0    drained after Ctrl-C, SIGTERM or SIGHUP
      1    a service could not be kept alive
      2    refused to start: a port in use, a wrong policy, an unusable folder
    """
    wishes = Wishes(data=data, policy=policy, otlp=otlp, port_offset=port_offset)
    return asyncio.run(up(wishes, environ=os.environ))
