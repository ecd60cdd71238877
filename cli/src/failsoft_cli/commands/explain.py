"""`failsoft explain`."""

import re
from collections.abc import Iterable

import click
from google.protobuf.json_format import MessageToJson
from rich.console import Console
from rich.text import Text

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli import console
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose
from failsoft_cli.explain import timeline, tree
from failsoft_cli.explain.story import story
from failsoft_cli.operator import WELL, AdminPort, admin_options, ask_router

_ANSWER = re.compile(r"chatcmpl-([0-9a-f]{32})")
"""The id of an answer of OpenAI's API: it holds the walk's."""


def _id(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """The id as the router knows it."""
    if not value.strip():
        raise click.BadParameter("it is empty")
    answer = _ANSWER.fullmatch(value)
    return answer[1] if answer else value


@click.command()
@click.argument("id_", metavar="ID", callback=_id)
@click.option("--tenant", default="", help="Whose request id it is; anybody's where left out.")
@click.option("--tree", "as_tree", is_flag=True, help="Show the tree of spans instead.")
@click.option("--json", "as_json", is_flag=True, help="Write the router's reply instead.")
@admin_options
def command(*, id_: str, tenant: str, as_tree: bool, as_json: bool, port: AdminPort) -> int:
    """Tell why an answer is as it is: what was planned, tried and met, and who was next.

    ID is that of a walk (x-failsoft-walk-id), of an answer (chatcmpl-...), of a request
    (x-request-id) or of a trace (x-failsoft-trace-id). Of several walks of one id the latest is
    told, and the others are named. Questions and answers are not kept, and never shown.

    In the timeline, dashes wait for the first content, what follows speaks, and a cross failed.

    \b
    Exit codes:
      0    told
      1    nobody remembers it, or the router cannot be asked
      2    wrong usage
    """
    if as_tree and as_json:
        raise click.UsageError("--tree and --json do not go together")
    out = console.stdout()

    def explain(admin: Admin) -> int:
        reply = admin.explain(id_, tenant=tenant)
        if as_json:
            click.echo(MessageToJson(reply, preserving_proto_field_name=True))
        elif as_tree:
            tell_tree(reply, out)
        else:
            tell(reply, out)
        return WELL

    return ask_router(explain, port=port, err=console.stderr())


def tell(reply: pb.ExplainRequestResponse, out: Console) -> None:
    """Write the story, and under it the timeline."""
    for line in story(reply):
        prose(out, line)
    marks = timeline.DRAWN if _draws(out) else timeline.PLAIN
    bars = list(timeline.timeline(reply.explanation, columns=out.width, marks=marks))
    _write(["", *bars] if bars else [], out)


def tell_tree(reply: pb.ExplainRequestResponse, out: Console) -> None:
    """Write the tree of spans."""
    branches = tree.DRAWN if _draws(out) else tree.PLAIN
    _write(tree.span_tree(reply.explanation, branches=branches), out)


def _draws(out: Console) -> bool:
    """Whether lines can be drawn; files are plain."""
    return out.is_terminal and not out.options.ascii_only


def _write(lines: Iterable[str], out: Console) -> None:
    """Lines whose columns count are never broken by us."""
    for line in lines:
        out.print(Text(line), soft_wrap=True)
