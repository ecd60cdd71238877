"""`failsoft chat`."""

import os
from collections.abc import Iterator

import click
import grpc
from rich.console import Console

from failsoft_cli import console
from failsoft_cli.addresses import Ports, is_on_loopback, on_loopback
from failsoft_cli.console import prose
from failsoft_cli.conversation import ask, complain, why
from failsoft_cli.program import spelling
from failsoft_cli.render import degradation
from failsoft_cli.tls import tls_options
from failsoft_client import Client, FailsoftRpcError, Tls, assistant, user
from failsoft_client.question import Options
from failsoft_client.reply import Reply
from failsoft_kit.clock import SystemClock

ANSWERED = 0
FAILED = 1

_KEY_VARIABLE = "FAILSOFT_API_KEY"


def _not_empty(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty; without a question you get a conversation")
    return value


@click.command()
@click.argument("question", required=False, callback=_not_empty)
@click.option("--model", default="", help="A route or model; default: the default route.")
@click.option(
    "--address",
    default=on_loopback(Ports().router),
    show_default=True,
    help="The router, or a local-llm.",
)
@click.option("--temperature", type=click.FloatRange(0, 2), help="0: always the likeliest word.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The longest answer.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True, max=86400),
    default=120.0,
    show_default=True,
    help="Seconds for one whole answer.",
)
@click.option(
    "--in-the-clear", is_flag=True, help="Show the API key to another machine without TLS."
)
@tls_options
def command(
    *,
    question: str | None,
    model: str,
    address: str,
    temperature: float | None,
    max_tokens: int | None,
    timeout: float,
    in_the_clear: bool,
    tls: Tls | None,
) -> int:
    """Ask QUESTION, or have a conversation when there is none.

    A router that asks who you are is shown the API key in the variable FAILSOFT_API_KEY.
    The answer is shown as it comes. The line after it says who served it, what it is instead of
    the best answer, over which hops, and in what time. Of an answer that is less than the best
    one, stderr names the command that tells why; it asks the router's admin port.

    \b
    Exit codes:
      0    answered, also when it was by a fallback, a stale answer or a mock
      1    no answer; stderr says why and what to do
      2    wrong usage
      130  interrupted
    """
    options = Options(model=model)
    if temperature is not None:
        options["temperature"] = temperature
    if max_tokens is not None:
        options["max_tokens"] = max_tokens
    out, err = console.stdout(), console.stderr()
    key = _api_key(address, may_travel=in_the_clear or tls is not None)
    with Client(address, timeout=timeout, token=key, tls=tls) as client:
        if question is None:
            _converse(client, options, address=address, out=out, err=err)
            return ANSWERED
        try:
            reply = ask(client, question, options, out=out, now=SystemClock().now)
        except FailsoftRpcError as error:
            _complain(error, address=address, err=err)
            return FAILED
        _hint(reply, address=address, err=err)
    return ANSWERED


def _api_key(address: str, *, may_travel: bool) -> str | None:
    """The caller's key; None: there is none to show.

    Raises:
        UsageError: It would be readable on its way.
    """
    key = os.environ.get(_KEY_VARIABLE, "").strip()
    if key and not may_travel and not is_on_loopback(address):
        raise click.UsageError(
            f"{address} is not on this machine, and the key in {_KEY_VARIABLE} would travel there"
            " in the clear: go through a tunnel, such as `kubectl port-forward`, or say"
            " --in-the-clear where you trust the network"
        )
    return key or None


def _converse(
    client: Client, options: Options, *, address: str, out: Console, err: Console
) -> None:
    """Question after question, each with what was said before; until the end of input."""
    said = []
    for question in _questions(out):
        said.append(user(question))
        try:
            reply = ask(client, said, options, out=out, now=SystemClock().now)
        except FailsoftRpcError as error:
            _complain(error, address=address, err=err)
            said.pop()
        except KeyboardInterrupt:
            err.print("interrupted")
            said.pop()
        else:
            _hint(reply, address=address, err=err)
            said.append(assistant(reply.text))


def _complain(error: FailsoftRpcError, *, address: str, err: Console) -> None:
    complain(error, address=address, err=err)
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        prose(err, f"put a key into {_KEY_VARIABLE}; `{spelling()} keys create` makes one")


def _hint(reply: Reply, *, address: str, err: Console) -> None:
    """Where to ask why the answer is less than the best one, if it is and a router gave it."""
    finished = reply.raw.finished
    if finished.walk_id and degradation(finished):
        prose(err, why(finished.walk_id, address=address), style="dim")


def _questions(out: Console) -> Iterator[str]:
    """What the user types; Ctrl-C and Ctrl-D end it."""
    out.print("An empty line or Ctrl-D ends the conversation.", style="dim")
    while True:
        try:
            question = click.prompt("you", default="", show_default=False, prompt_suffix="> ")
        except click.Abort:
            out.print()
            return
        if not question.strip():
            return
        yield question
