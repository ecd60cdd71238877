"""A Jaeger as who looks at traces there: by its query API."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

WAIT_SECONDS = 60.0
MISSING = "?"
"""Label of a parent that is not there."""

_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 30.0
_NOT_FOUND = 404

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class JaegerSpan:
    """A span as Jaeger's own page shows it.

    Attributes:
        parent: Its id, by a reference CHILD_OF; empty: the first one.
        follows: Ids, by references FOLLOWS_FROM.
    """

    id: str
    service: str
    name: str
    parent: str
    follows: tuple[str, ...]
    tags: Mapping[str, object]

    @property
    def failed(self) -> bool:
        return self.tags.get("error") is True

    @property
    def label(self) -> str:
        """What it is, in words: the service, the name and, of a hop, the target."""
        return " ".join(
            part
            for part in (self.service, self.name, str(self.tags.get("failsoft.hop.target", "")))
            if part
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JaegerTrace:
    """The spans of one trace."""

    spans: Mapping[str, JaegerSpan]

    def one(self, label: str) -> JaegerSpan:
        """The only span with that label."""
        (found,) = (span for span in self.spans.values() if span.label == label)
        return found

    @property
    def edges(self) -> frozenset[tuple[str, str]]:
        """The labels of every span's parent, empty for none, and of the span."""
        return frozenset((self._label(span.parent), span.label) for span in self.spans.values())

    def _label(self, span_id: str) -> str:
        if not span_id:
            return ""
        return self.spans[span_id].label if span_id in self.spans else MISSING


class Jaeger:
    """A Jaeger that runs."""

    def __init__(self, url: str) -> None:
        """
        Args:
            url: Of its query API, without a path.
        """
        self._url = url

    def trace(self, trace_id: str) -> JaegerTrace:
        """What has come of it so far, by the API that Jaeger's own page uses."""
        answer = self._get(f"/api/traces/{trace_id}")
        spans = [
            _span(span, trace) for trace in answer.get("data") or () for span in trace["spans"]
        ]
        return JaegerTrace(spans={span.id: span for span in spans})

    def wait_for_edges(self, trace_id: str, wanted: frozenset[tuple[str, str]]) -> JaegerTrace:
        """The trace once these are among its edges, and no span's parent is missing.

        Fails the test when that never is so.
        """

        def whole() -> JaegerTrace | None:
            trace = self.trace(trace_id)
            complete = all(parent != MISSING for parent, _ in trace.edges)
            return trace if complete and wanted <= trace.edges else None

        found = wait_until(whole)
        if found is None:
            trace = self.trace(trace_id)
            raise AssertionError(f"never came: {sorted(wanted - trace.edges)}\n{trace.edges}")
        return found

    def parents(self, trace_id: str) -> Mapping[str, str]:
        """Each span's parent by their ids in base 16, by the documented API (api_v3)."""
        answer = self._get(f"/api/v3/traces/{trace_id}")
        return {
            span["spanId"]: span.get("parentSpanId", "")
            for resource in answer["result"]["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        }

    def found_by(self, service: str, tags: Mapping[str, str]) -> frozenset[str]:
        """The ids of all traces with a span of that service that has these tags."""
        query = urlencode({"service": service, "tags": json.dumps(tags), "limit": 1000})
        return frozenset(trace["traceID"] for trace in self._get(f"/api/traces?{query}")["data"])

    def _get(self, path: str) -> dict[str, Any]:
        """The answer; one without anything in it where there is no such trace yet."""
        try:
            url = f"{self._url}{path}"
            with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != _NOT_FOUND:
                raise
            return {}
        return found


def wait_until(look: Callable[[], T | None]) -> T | None:
    """What is seen at last; None: nothing in a minute."""
    pause = threading.Event()
    for _ in range(round(WAIT_SECONDS / _LOOK_SECONDS)):
        if (seen := look()) is not None:
            return seen
        pause.wait(_LOOK_SECONDS)
    return None


def _span(span: Mapping[str, Any], trace: Mapping[str, Any]) -> JaegerSpan:
    references: dict[str, list[str]] = {"CHILD_OF": [], "FOLLOWS_FROM": []}
    for reference in span["references"]:
        references[reference["refType"]].append(reference["spanID"])
    (parent,) = references["CHILD_OF"] or [""]
    return JaegerSpan(
        id=span["spanID"],
        service=trace["processes"][span["processID"]]["serviceName"],
        name=span["operationName"],
        parent=parent,
        follows=tuple(references["FOLLOWS_FROM"]),
        tags={tag["key"]: tag["value"] for tag in span["tags"]},
    )
