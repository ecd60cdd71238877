"""The processes, whatever they serve."""

from scripts.dashboard.panels import Panel, Row
from scripts.dashboard.promql import HERE, one, quantile, rate, total

ROW = Row(
    title="Processes",
    panels=[
        Panel(
            title="Replicas",
            about="`no`: Prometheus cannot read it.",
            unit="bool_yes_no",
            queries=one(f'up{{{HERE}, job=~"failsoft-.+"}}', "{{job}} {{instance}}"),
            yes_no=True,
        ),
        Panel(
            title="What runs",
            about="Replicas by version.",
            unit="short",
            queries=one(
                total("failsoft_build_info", "job, service_version"), "{{job}} {{service_version}}"
            ),
        ),
        Panel(
            title="Lag of event loops",
            about="One look in a hundred, of four a second, came later than this.",
            unit="s",
            queries=one(
                quantile(0.99, "failsoft_event_loop_lag_seconds", by="job, instance"),
                "{{job}} {{instance}}",
            ),
        ),
        Panel(
            title="CPU",
            about="Cores that each process keeps busy.",
            unit="short",
            queries=one(
                rate("process_cpu_seconds_total", "job, instance", where='job=~"failsoft-.+"'),
                "{{job}} {{instance}}",
            ),
        ),
        Panel(
            title="Memory",
            about="Resident, of each process; engines have processes of their own.",
            unit="bytes",
            queries=one(
                f'process_resident_memory_bytes{{{HERE}, job=~"failsoft-.+"}}',
                "{{job}} {{instance}}",
            ),
        ),
        Panel(
            title="Spans that were lost",
            about="The collector is away, too slow, or refuses them.",
            unit="ops",
            queries=one(
                rate("failsoft_telemetry_spans_dropped_total", "job, instance"),
                "{{job}} {{instance}}",
            ),
        ),
    ],
)
