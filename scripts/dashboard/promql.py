"""What panels ask Prometheus, of the replicas that were chosen."""

from collections.abc import Sequence

from scripts.dashboard.panels import Query

HERE = 'instance=~"$instance"'


def rate(series: str, by: str, *, where: str = "") -> str:
    """How much a counter rises in a second, by labels."""
    return f"sum by ({by}) (rate({series}{{{_matchers(where)}}}[$__rate_interval]))"


def quantile(share: float, histogram: str, *, by: str = "", where: str = "") -> str:
    """What that share of values does not exceed."""
    labels = ", ".join(filter(None, (by, "le")))
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels, where=where)})"


def total(series: str, by: str) -> str:
    """All replicas together, by labels."""
    return f"sum by ({by}) ({series}{{{HERE}}})"


def worst(series: str, by: str, *, where: str = "") -> str:
    """1 where any replica says 1."""
    return f"max by ({by}) ({series}{{{_matchers(where)}}})"


def _matchers(where: str) -> str:
    return ", ".join(filter(None, (HERE, where)))


def spread(histogram: str, *, where: str = "") -> Sequence[Query]:
    """Median and slow ones, with traces to look at."""
    return [
        Query(
            expr=quantile(share, histogram, where=where),
            legend=f"p{share:.0%}"[:-1],
            exemplars=True,
        )
        for share in (0.5, 0.95, 0.99)
    ]


def one(expr: str, legend: str) -> Sequence[Query]:
    return [Query(expr=expr, legend=legend)]
