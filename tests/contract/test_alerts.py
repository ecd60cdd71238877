"""Alert rules say who is to be woken, look at what there is, and lead to what to do."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from registered_metrics import problems_of

from failsoft_router.core.errors import CallerFault, ContentRefused, ReaderStalled

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "observability" / "prometheus" / "alerts.yaml"
RUNBOOK = "docs/operations.md"
SECTION_PARTS = ("**Means:**", "**Callers notice:**", "**Look:**", "**Do:**")

Rule = Mapping[str, Any]


def _rules() -> list[Rule]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _sections() -> dict[str, str]:
    """The runbook's sections of the third level, by heading."""
    alerts = (ROOT / RUNBOOK).read_text().partition("\n## Alerts\n")[2]
    parts = re.split(r"^### (.+)$", alerts, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


every_rule = pytest.mark.parametrize("rule", _rules(), ids=lambda rule: rule["alert"])


@every_rule
def test_a_rule_looks_at_metrics_and_labels_that_there_are(rule: Rule) -> None:
    assert problems_of(rule["expr"]) == []


@every_rule
def test_a_rule_says_how_bad_it_is_and_what_it_is_about(rule: Rule) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["for"]
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}


@every_rule
def test_a_rule_leads_to_its_section_of_the_runbook(rule: Rule) -> None:
    section = _sections()[rule["alert"]]

    assert rule["annotations"]["runbook_url"] == f"{RUNBOOK}#{rule['alert'].lower()}"
    assert [part for part in SECTION_PARTS if part not in section] == []


def test_the_runbook_has_the_rules_in_their_order_and_no_other() -> None:
    assert list(_sections()) == [rule["alert"] for rule in _rules()]


def test_what_callers_did_themselves_wakes_nobody() -> None:
    own = (CallerFault.reason, ContentRefused.reason, ReaderStalled.reason, "cancelled")
    [rule] = [rule for rule in _rules() if rule["alert"] == "FailsoftNoAnswers"]

    assert f'error_type!~"{"|".join(own)}"' in rule["expr"]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("failsoft_walk_total", "no such metric: failsoft_walk_total"),
        ("failsoft_walks", "no such metric: failsoft_walks"),
        ('failsoft_walks_total{route="chat"}', "failsoft_walks_total has no label route"),
        ("sum by (target) (failsoft_hops_total)", "no such label: target"),
        (
            'failsoft_walks_total{failsoft_degradation=~"none|mocked"}',
            "failsoft_walks_total: failsoft_degradation is never 'mocked'",
        ),
        ("1", "it looks at nothing"),
    ],
)
def test_an_expression_that_looks_at_nothing_there_is_is_noticed(
    expression: str, problem: str
) -> None:
    assert problems_of(expression) == [problem]
