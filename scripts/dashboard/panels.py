"""What a dashboard is made of."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression; `legend` names its series by their labels, as `{{label}}`."""

    expr: str
    legend: str
    exemplars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One graph; `unit` is Grafana's name of it. A yes or no is drawn as a band of time."""

    title: str
    about: str
    unit: str
    queries: Sequence[Query]
    yes_no: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: Sequence[Panel]
