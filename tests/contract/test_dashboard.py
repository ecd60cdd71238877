"""The dashboard shows what there is, and every graph says what it is of."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from registered_metrics import problems_of

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "deploy/observability/grafana/failsoft.json").read_text())
GRAPHS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
VARIABLES = {"datasource", "instance"}

Panel = Mapping[str, Any]
every_graph = pytest.mark.parametrize("panel", GRAPHS, ids=lambda panel: panel["title"])


def expressions(panel: Panel) -> list[str]:
    """What it asks Prometheus, without Grafana's own words."""
    return [query["expr"].replace("$__rate_interval", "5m") for query in panel["targets"]]


@every_graph
def test_a_graph_looks_at_metrics_and_labels_that_there_are(panel: Panel) -> None:
    assert [problem for each in expressions(panel) for problem in problems_of(each)] == []


@every_graph
def test_a_graph_names_its_series_by_labels_that_they_keep(panel: Panel) -> None:
    """A label that was added up is empty in the legend."""
    for query in panel["targets"]:
        named = set(re.findall(r"{{(\w+)}}", query["legendFormat"]))
        kept = re.search(r"by \(([\w, ]+)\)", query["expr"])
        assert named <= (set(kept[1].split(", ")) if kept else {"job", "instance"})


@every_graph
def test_a_graph_says_what_it_is_of_and_in_which_unit(panel: Panel) -> None:
    assert panel["title"]
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]


@every_graph
def test_a_graph_asks_the_prometheus_that_was_chosen(panel: Panel) -> None:
    assert panel["datasource"] == SOURCE
    assert all(query["datasource"] == SOURCE for query in panel["targets"])


def test_what_can_be_chosen_is_what_graphs_ask_for() -> None:
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(GRAPHS)))

    assert variables == VARIABLES == used


def test_no_two_panels_stand_in_one_place_or_have_one_number() -> None:
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(places) == len(set(places))
    assert len(numbers) == len(set(numbers))
