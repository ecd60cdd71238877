"""The cells of one metric, and which labels they may have.

How many series there can be is known before the first is made: a label has the values that its
declaration lists, or those that whoever makes the metric names. Any other value is `other`, or in
tests an error. An empty value means that the label does not apply.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeAlias, TypeVar

from failsoft_kit.telemetry.cells import Counter, Gauge, Histogram
from failsoft_kit.telemetry.names import MetricName, UnregisteredName
from failsoft_kit.telemetry.readings import LabelValues

OTHER = "other"
"""What stands for every value that a label may not have."""

Allowed: TypeAlias = Mapping[str, Iterable[str]]
"""Values by label, for labels whose declaration lists none."""

C = TypeVar("C", Counter, Gauge, Histogram)


class Labels:
    """Which values the labels of one metric may have.

    Args:
        strict: Raise where a label has any other, instead of calling it `other`.
    """

    def __init__(self, name: MetricName, *, strict: bool) -> None:
        self._name = name
        self._strict = strict
        self._allowed = {label.name: {"", OTHER, *label.allowed} for label in name.labels}

    def allow(self, values: Allowed) -> None:
        """These, too."""
        for label, more in values.items():
            self._allowed[label].update(more)

    def bounded(self, values: LabelValues) -> LabelValues:
        """The values as they are counted.

        Raises:
            UnregisteredName: strictly, one may not be.
            ValueError: there are more or fewer than the metric has labels.
        """
        if len(values) != len(self._allowed):
            raise ValueError(f"{self._name.name!r} has {len(self._allowed)} labels, not {values}")
        bounded = tuple(
            value if value in allowed else OTHER
            for value, allowed in zip(values, self._allowed.values(), strict=True)
        )
        if self._strict and bounded != values:
            raise UnregisteredName(f"labels {values} of metric {self._name.name!r}")
        return bounded


class Family(Generic[C]):
    """The cells of one metric."""

    def __init__(self, labels: Labels, make: Callable[[], C]) -> None:
        self._labels = labels
        self._make: Callable[[], C] = make
        self.cells: dict[LabelValues, C] = {}
        """Those that were asked for."""

    def cell(self, *values: str) -> C:
        """The cell of these labels' values, in the order of their declaration.

        Who observes often asks once and keeps it. It is in every reading from now on.
        """
        cell = self.cells.get(values)
        if cell is None:
            bounded = self._labels.bounded(values)
            cell = self.cells.get(bounded)
            if cell is None:
                cell = self.cells[bounded] = self._make()
        return cell
