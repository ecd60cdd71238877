"""Write the generated tables of the documentation; with --check, say whether they are up to date.

A table stands between `<!-- generated: NAME -->` and `<!-- end -->` in README.md or below docs.
"""

import argparse
import importlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import Parse
from pydantic import BaseModel
from rich.console import Console

from failsoft.router.v1.admin_service_pb2 import ExplainRequestResponse
from failsoft_cache.log_names import LOG_NAMES as CACHE_LOG_NAMES
from failsoft_cache.settings import CacheSettings
from failsoft_cache.telemetry import NAMES as CACHE_NAMES
from failsoft_cli.commands.explain import tell, tell_tree
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.log_names import LOG_NAMES as KIT_LOG_NAMES
from failsoft_kit.log_names import LogName
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.settings import describe
from failsoft_kit.telemetry import (
    AttributeName,
    EventName,
    MetricName,
    MetricType,
    Name,
    NameRegistry,
    SpanName,
)
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_kit.telemetry.prometheus import prometheus_name
from failsoft_local_llm.log_names import LOG_NAMES as LOCAL_LLM_LOG_NAMES
from failsoft_local_llm.settings import LocalLlmSettings
from failsoft_local_llm.telemetry import NAMES as LOCAL_LLM_NAMES
from failsoft_model.errors import Code, FailsoftError
from failsoft_router.core.outcome import TABLE, Lesson, Next, Phase
from failsoft_router.log_names import LOG_NAMES as ROUTER_LOG_NAMES
from failsoft_router.settings import RouterSettings
from failsoft_router.telemetry import NAMES as ROUTER_NAMES
from failsoft_router.wire.openai_front.errors import BY_CODE, BY_REASON

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EXAMPLE_WALK = ROOT / "cli" / "tests" / "explain" / "example.json"
Json = Mapping[str, Any]
SECTION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

ERROR_MODULES = (
    "failsoft_model.errors",
    "failsoft_kit.identity.errors",
    "failsoft_kit.rpc.health",
    "failsoft_kit.http.errors",
    "failsoft_router.core.errors",
    "failsoft_cache.core.errors",
    "failsoft_local_llm.core.errors",
)
SETTINGS: Sequence[tuple[str, type[BaseModel]]] = (
    ("router", RouterSettings),
    ("cache", CacheSettings),
    ("local_llm", LocalLlmSettings),
)
NAMES: Sequence[tuple[str, Sequence[Name]]] = (
    ("every service", (*RPC_NAMES, *PROCESS_NAMES)),
    ("router", (*HTTP_NAMES, *ROUTER_NAMES)),
    ("cache", CACHE_NAMES),
    ("local-llm", LOCAL_LLM_NAMES),
)
LOGS: Sequence[tuple[str, Sequence[LogName]]] = (
    ("every service", KIT_LOG_NAMES),
    ("router", ROUTER_LOG_NAMES),
    ("cache", CACHE_LOG_NAMES),
    ("local-llm", LOCAL_LLM_LOG_NAMES),
)

_NEXT = {
    Next.HOP: "the next hop",
    Next.STOP: "nowhere: the caller is told",
    Next.BLAME_DECIDES: "nowhere after the best target or where a field of the caller's is named;"
    " else the next hop",
    Next.ROUTE_DECIDES: "nowhere, or the next hop with `content_filter_falls_back`",
}
_AGAIN: dict[frozenset[Phase], str] = {
    frozenset(): "never",
    frozenset({Phase.CONNECTING}): "while nothing was sent",
    frozenset({Phase.CONNECTING, Phase.WAITING}): "while no content has come",
}
_LESSON = {
    Lesson.NOTHING: "nobody",
    Lesson.HEALTH: "the health breaker: a failure",
    Lesson.QUOTA: "the quota gate: it closes for this model",
    Lesson.ACCOUNT: "the quota gate: it closes for every model of the credential",
    Lesson.CREDENTIAL: "the credential's quarantine: it begins",
    Lesson.TARGET: "the target's gate: it closes",
}
_MEANINGS = {
    (Next.HOP, Lesson.HEALTH, True): "once more, then the next hop; the breaker counts a failure",
    (Next.HOP, Lesson.HEALTH, False): "next hop, and the breaker counts a failure",
    (Next.HOP, Lesson.QUOTA, True): "next hop unless a short wait is asked for; quota gate closes",
    (Next.HOP, Lesson.ACCOUNT, False): "next hop, the quota gate closes for the account",
    (Next.HOP, Lesson.CREDENTIAL, False): "next hop, the key is quarantined",
    (Next.HOP, Lesson.TARGET, False): "next hop, the target is closed for minutes",
    (Next.HOP, Lesson.NOTHING, False): "next hop, nobody is blamed",
    (Next.STOP, Lesson.NOTHING, False): "the caller is told, nobody is blamed",
    (Next.BLAME_DECIDES, Lesson.NOTHING, False): "the caller is told, or a fallback is doubted",
    (Next.ROUTE_DECIDES, Lesson.NOTHING, False): "the route decides",
}


def settings() -> Iterator[str]:
    """Every setting of every service."""
    for section, model in SETTINGS:
        yield f"### `{section}`\n"
        rows = [
            (
                f"`{row.variable}`",
                f"`{row.path}`",
                row.type,
                row.unit,
                _code(row.default),
                row.description,
            )
            for row in describe(model, section)
        ]
        heads = ("variable", "in the file", "type", "unit", "default", "meaning")
        yield from table(heads, rows)
        yield ""


def ports() -> Iterator[str]:
    """The addresses that services have by default."""
    rows = []
    for section, model in SETTINGS:
        for field, info in model.model_fields.items():
            if field in ("address", "admin_address"):
                port = str(info.default).rpartition(":")[2]
                rows.append((port, section.replace("_", "-"), f"`{section}.{field}`"))
    yield from table(("port", "service", "setting"), sorted(rows))


def telemetry() -> Iterator[str]:
    """Every name that spans use, and every label of metrics."""
    rows = [
        (kind, f"`{name.name}`", values, ", ".join(users), name.description)
        for name, users in _names()
        if not isinstance(name, MetricName)
        for kind, values in [_kind(name)]
    ]
    yield from table(("what", "name", "values", "where", "meaning"), rows)


def metrics() -> Iterator[str]:
    """Every metric."""
    rows = [
        (
            f"`{name.name}`",
            f"`{prometheus_name(name)}{'_total' if name.type is MetricType.COUNTER else ''}`",
            name.type.value,
            name.unit,
            ", ".join(f"`{label.name}`" for label in name.labels),
            ", ".join(users),
            name.description,
        )
        for name, users in _names()
        if isinstance(name, MetricName)
    ]
    heads = ("name", "for Prometheus", "type", "unit", "labels", "where", "meaning")
    yield from table(heads, rows)


def _names() -> Iterator[tuple[Name, Sequence[str]]]:
    """Everything that telemetry declares, and which services use it."""
    registry = NameRegistry()
    users: dict[Name, dict[str, None]] = {}
    for service, names in NAMES:
        registry.register(names)
        for name in names:
            labels = name.labels if isinstance(name, MetricName) else ()
            for each in (name, *labels):
                users.setdefault(each, {})[service] = None
    for name in registry.names():
        yield name, list(users[name])


def logs() -> Iterator[str]:
    """Every event of the logs."""
    rows = [
        (
            f"`{name.name}`",
            ", ".join(each.value for each in name.severities) or "any",
            service,
            name.description,
        )
        for service, names in LOGS
        for name in sorted(names, key=lambda name: name.name)
    ]
    yield from table(("event", "severity", "where", "meaning"), rows)


def errors() -> Iterator[str]:
    """Every error that a caller can act on."""
    for module in ERROR_MODULES:
        importlib.import_module(module)
    meanings: dict[tuple[str, str], set[str]] = {}
    for kind in _subclasses(FailsoftError):
        if "reason" in vars(kind):
            summary = (kind.__doc__ or "").split("\n")[0]
            meanings.setdefault((kind.reason, kind.code.name), set()).add(summary)
    rows = [
        (f"`{reason}`", f"`{code}`", *_over_http(reason, code), " Or: ".join(sorted(told)))
        for (reason, code), told in sorted(meanings.items())
    ]
    heads = ("reason", "gRPC status", "HTTP status", "`type`", "`code`", "`x-should-retry`")
    yield from table((*heads, "meaning"), rows)


def _over_http(reason: str, code: str) -> Sequence[str]:
    """What OpenAI's clients are told of it."""
    form = BY_REASON.get(reason) or BY_CODE[Code[code]]
    own = form.code or reason.lower()
    return str(form.status), f"`{form.type}`", f"`{own}`", "true" if form.retry else "false"


def outcomes() -> Iterator[str]:
    """What each class of error leads to."""
    rows = [
        (f"`{error.value}`", _AGAIN[row.again], _NEXT[row.next], _LESSON[row.lesson])
        for error, row in TABLE.items()
    ]
    heads = ("class", "the same target is tried again", "the walk goes to", "who learns")
    yield from table(heads, rows)


def decision() -> Iterator[str]:
    """How a walk goes on after each class of error, as a diagram."""
    yield "```mermaid"
    yield "flowchart LR"
    yield "  hop[next hop] --> permit{permit?}"
    yield "  permit -- no --> skipped[skipped, with its reason] --> hop"
    yield "  permit -- yes --> attempt[attempt] --> whole{whole answer?}"
    yield "  whole -- yes --> served[served and stored]"
    for index, (key, meaning) in enumerate(_MEANINGS.items()):
        classes = [
            error.value.replace("_", " ")
            for error, row in TABLE.items()
            if (row.next, row.lesson, bool(row.again)) == key
        ]
        yield f'  whole -- "{", ".join(classes)}" --> after{index}["{meaning}"]'
        if key[0] is Next.HOP:
            yield f"  after{index} --> hop"
    yield "```"


def health() -> Iterator[str]:
    """Every field of `GET /health`, as its schema explains it."""
    schema = json.loads((DOCS / "health.schema.json").read_text())
    rows = [(f"`{path}`", kind, told) for path, kind, told in _fields(schema)]
    yield from table(("field", "type", "meaning"), rows)


def _fields(schema: Json, parent: str = "") -> Iterator[tuple[str, str, str]]:
    """The path, the type and the meaning of each field of an object, and of those in it."""
    for name, each in schema["properties"].items():
        path = f"{parent}{name}"
        yield path, _json_type(each), each["description"]
        inner, below = each.get("items", each), "[]." if "items" in each else "."
        if "properties" in inner:
            yield from _fields(inner, path + below)


def _json_type(field: Json) -> str:
    reference = str(field.get("$ref", "")).rpartition("/")[2]
    if reference:
        return reference.replace("_", " ")
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    kind = field["type"]
    return kind if isinstance(kind, str) else " or ".join(kind)


def explained() -> Iterator[str]:
    """A walk as `failsoft explain` tells it, and as it does with `--tree`."""
    reply = Parse(EXAMPLE_WALK.read_text(), ExplainRequestResponse())
    for told in (tell, tell_tree):
        written = io.StringIO()
        told(reply, Console(file=written, width=100))
        yield f"```text\n{written.getvalue()}```\n"


WRITERS: dict[str, Callable[[], Iterable[str]]] = {
    "settings": settings,
    "ports": ports,
    "telemetry": telemetry,
    "metrics": metrics,
    "logs": logs,
    "errors": errors,
    "outcomes": outcomes,
    "decision": decision,
    "health": health,
    "explained": explained,
}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        cells = [cell.replace("|", "\\|") for cell in row]
        yield f"| {' | '.join(cells)} |"


def rewritten(text: str) -> str:
    """The text with every generated section made anew."""

    def section(match: re.Match[str]) -> str:
        body = "\n".join(WRITERS[match[2]]()).strip()
        return f"{match[1]}{body}\n{match[3]}"

    return SECTION.sub(section, text)


def _kind(name: SpanName | EventName | AttributeName) -> tuple[str, str]:
    match name:
        case SpanName():
            return "span", ""
        case EventName():
            return "event", ""
        case AttributeName():
            values = ", ".join(f"`{value}`" for value in name.allowed) or name.type.value
            return "attribute", f"{values} ({name.unit})" if name.unit else values


def _subclasses(kind: type[FailsoftError]) -> Iterator[type[FailsoftError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _code(text: str) -> str:
    return f"`{text}`" if text else "required"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    stale = []
    for file in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))):
        text = file.read_text()
        fresh = rewritten(text)
        if fresh != text:
            stale.append(str(file.relative_to(ROOT)))
            if not check:
                file.write_text(fresh)
    if check and stale:
        sys.exit(f"stale, run `make docs`: {', '.join(stale)}")


if __name__ == "__main__":
    main()
