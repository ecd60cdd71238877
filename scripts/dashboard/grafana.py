"""A dashboard as Grafana imports it; where each panel stands follows from the order of all."""

from collections.abc import Iterator, Sequence
from typing import Any

from scripts.dashboard.panels import Panel, Row

Json = dict[str, Any]

_SCHEMA = 41
"""Of Grafana 11.6 and 12; newer ones bring it up to date when they load it."""
_WIDTH, _HEIGHT, _IN_A_ROW = 8, 8, 3
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_YES_NO = [
    {
        "type": "value",
        "options": {
            "0": {"text": "no", "color": "red", "index": 0},
            "1": {"text": "yes", "color": "green", "index": 1},
        },
    }
]


def dashboard(rows: Sequence[Row]) -> Json:
    """All of it, as Grafana imports it."""
    return {
        "uid": "failsoft",
        "title": "Failsoft",
        "description": "What callers get, who answers, and what keeps others from answering.",
        "tags": ["failsoft"],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": list(_placed(rows)),
    }


def _variables() -> Sequence[Json]:
    source = {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }
    instance = {
        "name": "instance",
        "label": "Replica",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": "label_values(failsoft_build_info, instance)", "refId": "instance"},
        "definition": "label_values(failsoft_build_info, instance)",
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "refresh": 2,
        "sort": 1,
    }
    return [source, instance]


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Rows and their panels, each below the one before."""
    number, below = 0, 0
    for row in rows:
        number += 1
        place = {"x": 0, "y": below, "w": _WIDTH * _IN_A_ROW, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "gridPos": place, "panels": []}
        below += 1
        for index, panel in enumerate(row.panels):
            number += 1
            down, right = divmod(index, _IN_A_ROW)
            place = {
                "x": right * _WIDTH,
                "y": below + down * _HEIGHT,
                "w": _WIDTH,
                "h": _HEIGHT,
            }
            yield {"id": number, "gridPos": place, **_drawn(panel)}
        below += -(-len(row.panels) // _IN_A_ROW) * _HEIGHT


def _drawn(panel: Panel) -> Json:
    """A panel, wherever it stands."""
    defaults: Json = {"unit": panel.unit, "min": 0}
    if panel.yes_no:
        defaults["mappings"] = _YES_NO
    else:
        defaults["custom"] = {"fillOpacity": 10, "showPoints": "never"}
    return {
        "type": "state-timeline" if panel.yes_no else "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "exemplar": query.exemplars,
            }
            for index, query in enumerate(panel.queries)
        ],
    }
