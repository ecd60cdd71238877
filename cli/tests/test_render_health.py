"""How the health of everything looks to people."""

import io
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from failsoft_cli.render_health import (
    headline,
    health_targets_table,
    services_table,
    troubles,
    walks_line,
)

Json = dict[str, Any]

OPEN_GATE = {"skip_reason": "quota", "shut": False, "due_in": None}
ISOLATED = {"skip_reason": "isolated", "shut": True, "due_in": 540.0}
FULL = {"skip_reason": "bulkhead", "shut": True, "due_in": None}
CLOSED = {
    "state": "closed",
    "due_in": None,
    "fallen_silent": False,
    "window_failures": 1,
    "window_calls": 12,
}
UNKNOWN_SPEED = {"p50": None, "p95": None}


def service(name: str, **fields: object) -> Json:
    well = {"ready": True, "degraded": False, "age": 7200.0, "engine": None}
    return {"name": name, **well, **fields}


def target(name: str, **fields: object) -> Json:
    well = {
        "model": "gpt-5-mini",
        "ready": True,
        "credential": "present",
        "breaker": CLOSED,
        "gates": [OPEN_GATE],
        "first_content": {"p50": 0.4213, "p95": 1.5},
        "calls_in_flight": 3,
        "concurrency": 64,
    }
    return {"name": name, **well, **fields}


def engine(**fields: object) -> Json:
    loaded = {"name": "openvino", "profile": "minimal", "answered_by": "smollm2", "loading": False}
    return {**loaded, **fields}


def walks(**fields: object) -> Json:
    counted = {
        "window": 300.0,
        "ended": 200,
        "fallback_share": 0.125,
        "by_degradation": {"none": 170, "fallback_target": 20, "stale_cache": 0, "mock": 5},
        "unanswered": 5,
    }
    return {"walks": {**counted, **fields}}


def shown(table: Table, *, columns: int = 160) -> list[str]:
    """The lines of a table, white space made one blank, without its head."""
    console = Console(file=io.StringIO(), width=columns)
    with console.capture() as capture:
        console.print(table, crop=False)
    return [" ".join(line.split()) for line in capture.get().splitlines()[2:]]


def test_the_first_line_says_it_all() -> None:
    line = headline(
        {"status": "not_ready", "running_for": 5400.0, "policy": {"in_force": "abc123"}}
    )

    assert line.plain == "not ready · running for 1.5 h · policy abc123"


def test_services_say_how_they_are_since_when_and_by_which_engine() -> None:
    rows = [
        service("router"),
        service("cache", degraded=True, age=30.0),
        service("local", engine=engine()),
        service(
            "big",
            ready=False,
            engine=engine(loading=True, profile="primary", name="vllm", answered_by=""),
        ),
        service("down", ready=False, engine=engine(answered_by="")),
    ]

    assert shown(services_table({"services": rows})) == [
        "router ready 2.0 h -",
        "cache degraded 30.0 s -",
        "local ready 2.0 h smollm2 (minimal, openvino)",
        "big not ready 2.0 h loading (primary, vllm)",
        "down not ready 2.0 h nothing loaded (minimal, openvino)",
    ]


OPEN = {**CLOSED, "state": "open", "due_in": 4.2}
TARGETS = {
    "targets": [
        target("cloud"),
        target("keyless", ready=False, credential="missing", first_content=UNKNOWN_SPEED),
        target("ill", ready=False, breaker=OPEN, gates=[ISOLATED, OPEN_GATE]),
        target("busy", gates=[FULL]),
        target("silent", ready=False, breaker={**CLOSED, "fallen_silent": True}),
    ]
}


def test_targets_say_in_the_words_of_their_gates_what_keeps_calls_away_and_until_when() -> None:
    assert shown(health_targets_table(TARGETS)) == [
        "cloud gpt-5-mini ready - 0.42 s 1.50 s",
        "keyless gpt-5-mini no credential - - -",
        "ill gpt-5-mini breaker open, isolated 9.0 min 0.42 s 1.50 s",
        "busy gpt-5-mini ready, bulkhead - 0.42 s 1.50 s",
        "silent gpt-5-mini silent - 0.42 s 1.50 s",
    ]


def test_a_wide_terminal_is_shown_the_calls_as_well() -> None:
    assert shown(health_targets_table(TARGETS, wide=True))[0].endswith("3 of 64 1 of 12")


def test_what_is_usual_fits_a_terminal_of_80_columns_one_a_line() -> None:
    usual = target("local-llama", model="smollm2-135m-instruct", ready=False, breaker=OPEN)
    engine_of_ours = engine(answered_by="smollm2-135m-instruct")
    local = service("local-llama", engine=engine_of_ours, ready=False)

    assert len(shown(health_targets_table({"targets": [usual]}), columns=80)) == 1
    assert len(shown(services_table({"services": [local]}), columns=80)) == 1


@pytest.mark.parametrize(
    ("counted", "line"),
    [
        (
            walks(),
            "walks in the last 5.0 min: 200 · 12.5% got less than the best answer"
            " (fallback target 20, mock 5) · 5 got none",
        ),
        (
            walks(ended=3, fallback_share=0.0, by_degradation={"none": 3}, unanswered=0),
            "walks in the last 5.0 min: 3 · 0.0% got less than the best answer · 0 got none",
        ),
        (walks(ended=0, fallback_share=None), "walks in the last 5.0 min: 0"),
    ],
)
def test_walks_say_how_many_callers_got_less(counted: Json, line: str) -> None:
    assert walks_line(counted) == line


def test_what_others_wrote_cannot_steer_a_terminal() -> None:
    """A sentence of an isolation is anybody's who may isolate."""
    assert list(troubles({"why": ["isolated: \x1b]0;owned\x07"]})) == ["isolated: ]0;owned"]
