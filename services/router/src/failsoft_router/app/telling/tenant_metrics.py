"""What is measured of tenants: of each that the operator has named, and of all others together."""

from collections.abc import Collection

from failsoft_kit.telemetry import Meter
from failsoft_kit.telemetry.family import OTHER
from failsoft_model.walk import Usage
from failsoft_router import metric_names, span_names


class TenantMetrics:
    """Measures nothing where nobody is named: whose requests they are is not told by itself.

    Args:
        named: Who are told apart.
    """

    def __init__(self, meter: Meter, named: Collection[str]) -> None:
        self._named = frozenset(named)
        if not named:
            return
        tenants = {metric_names.TENANT: self._named}
        self._walks = meter.counter(
            metric_names.TENANT_WALKS, {**tenants, span_names.DEGRADATION: (metric_names.FAILED,)}
        )
        self._tokens = meter.counter(metric_names.TENANT_TOKENS, tenants)

    def walk_ended(self, tenant: str, got: str) -> None:
        """A walk of the tenant is over; `got` is a degradation, or `failed`."""
        if self._named:
            self._walks.cell(self._told(tenant), got).add()

    def call_ended(self, tenant: str, usage: Usage) -> None:
        """A call for the tenant took that many tokens."""
        if self._named:
            told = self._told(tenant)
            self._tokens.cell(told, metric_names.INPUT).add(usage.input_tokens)
            self._tokens.cell(told, metric_names.OUTPUT).add(usage.output_tokens)

    def _told(self, tenant: str) -> str:
        return tenant if tenant in self._named else OTHER
