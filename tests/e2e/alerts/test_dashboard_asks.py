"""Prometheus understands every question of the dashboard."""

import json
from pathlib import Path

import pytest
from prometheus_process import Prometheus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FILE = Path(__file__).resolve().parents[3] / "deploy/observability/grafana/failsoft.json"


def test_every_question_of_the_dashboard_is_taken(alerts: Prometheus) -> None:
    """With whatever functions and operators of its own version."""
    questions = [
        query["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
        for panel in json.loads(FILE.read_text())["panels"]
        for query in panel.get("targets", ())
    ]

    assert questions
    assert [each for each in questions if not alerts.takes(each)] == []


def test_a_question_that_makes_no_sense_is_not_taken(alerts: Prometheus) -> None:
    assert not alerts.takes("rate(failsoft_walks_total)")
