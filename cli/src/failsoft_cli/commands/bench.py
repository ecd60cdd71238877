"""`failsoft bench`."""

import asyncio
import os
from pathlib import Path

import click

from failsoft_cli.bench.measuring import Effort
from failsoft_cli.bench.runner import Wishes, bench
from failsoft_kit.process import INTERRUPTED
from failsoft_kit.settings.types import parse_duration
from failsoft_local_llm.decision import MODELS_DIRECTORY


def _seconds(_context: click.Context, _option: click.Parameter, value: str) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if seconds < 1.0:
        raise click.BadParameter("must be 1s or more")
    return seconds


@click.command()
@click.option(
    "--model",
    "only",
    metavar="NAME",
    multiple=True,
    help="Measure this model, or these weights, and no others; may be repeated.",
)
@click.option(
    "--models",
    type=click.Path(file_okay=False, path_type=Path),
    default=MODELS_DIRECTORY,
    envvar="FAILSOFT_LOCAL_LLM_MODELS_DIRECTORY",
    show_default=True,
    help="Where `preload` has put models.",
)
@click.option(
    "--catalogue",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="FAILSOFT_LOCAL_LLM_CATALOGUE_FILE",
    help="Models of your own.",
)
@click.option(
    "--vllm",
    metavar="PYTHON",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The Python that has vLLM, such as .venv-vllm/bin/python; default: this one.",
)
@click.option(
    "--tokens",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="The longest answer.",
)
@click.option(
    "--limit",
    metavar="TIME",
    default="60s",
    show_default=True,
    callback=_seconds,
    help="For all answers of one row.",
)
@click.option(
    "--start",
    metavar="TIME",
    default="300s",
    show_default=True,
    callback=_seconds,
    help="For loading a model.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    *,
    only: tuple[str, ...],
    models: Path,
    catalogue: Path | None,
    vllm: Path | None,
    tokens: int,
    limit: float,
    start: float,
    as_json: bool,
) -> int:
    """Measure each model that this machine can serve: loading, memory, first text, tokens a second.

    What each profile would choose here is measured, and every other model that fits and was
    fetched; nothing is downloaded, and what is missing is said with the command that gets it.
    Each is loaded by a local-llm of its own on loopback, is asked alone, and then as many times
    at once as its profile allows. Other work on this machine makes the figures worse.

    \b
    Exit codes:
      0    measured; what could not be has its reason below the table
      1    not one model could be measured
      2    refused to start
      130  interrupted
    """
    wishes = Wishes(
        models=models,
        catalogue=catalogue,
        vllm=vllm,
        only=only,
        effort=Effort(tokens=tokens, limit=limit),
        start=start,
        as_json=as_json,
        environ=os.environ,
    )
    try:
        return asyncio.run(bench(wishes))
    except asyncio.CancelledError:
        return INTERRUPTED
