"""What callers get."""

from scripts.dashboard.panels import Panel, Query, Row
from scripts.dashboard.promql import one, rate, spread

_OWN_DOING = "INVALID_REQUEST|CONTENT_REFUSED|READER_STALLED|cancelled"

ROW = Row(
    title="What callers get",
    panels=[
        Panel(
            title="Walks by what their callers got",
            about="`none` is the best answer; `failed` is no whole answer.",
            unit="reqps",
            queries=one(
                rate("failsoft_walks_total", "failsoft_degradation"), "{{failsoft_degradation}}"
            ),
        ),
        Panel(
            title="Less than the best answer",
            about="Shares of all walks. What callers did themselves is no missing answer.",
            unit="percentunit",
            queries=[
                Query(
                    expr=rate(
                        "failsoft_walks_total", "job", where='failsoft_degradation!~"none|failed"'
                    )
                    + f" / {rate('failsoft_walks_total', 'job')}",
                    legend="another answer",
                ),
                Query(
                    expr=rate(
                        "failsoft_walks_total",
                        "job",
                        where=f'failsoft_degradation="failed", error_type!~"{_OWN_DOING}"',
                    )
                    + f" / {rate('failsoft_walks_total', 'job')}",
                    legend="no whole answer",
                ),
            ],
        ),
        Panel(
            title="Walks without a whole answer",
            about="By the reason that callers were told, or `cancelled`.",
            unit="reqps",
            queries=one(
                rate("failsoft_walks_total", "error_type", where='failsoft_degradation="failed"'),
                "{{error_type}}",
            ),
        ),
        Panel(
            title="How long walks take",
            about="From a walk's start to its end; streams to their last word.",
            unit="s",
            queries=spread("failsoft_walk_duration_seconds"),
        ),
        Panel(
            title="gRPC calls by status",
            about="Of every service, without health checks.",
            unit="reqps",
            queries=one(
                rate("rpc_server_call_duration_seconds_count", "job, rpc_status_code"),
                "{{job}} {{rpc_status_code}}",
            ),
        ),
        Panel(
            title="HTTP requests by status",
            about="Of OpenAI's API; 499: the client went away before there was a reply.",
            unit="reqps",
            queries=one(
                rate(
                    "http_server_request_duration_seconds_count",
                    "http_route, http_response_status_code",
                ),
                "{{http_route}} {{http_response_status_code}}",
            ),
        ),
        Panel(
            title="Walks by tenant",
            about="Only tenants that `router.metrics_tenants` names; all others are `other`.",
            unit="reqps",
            queries=one(
                rate("failsoft_tenant_walks_total", "failsoft_tenant_id, failsoft_degradation"),
                "{{failsoft_tenant_id}} {{failsoft_degradation}}",
            ),
        ),
        Panel(
            title="Turned away",
            about="Calls beyond `max_calls`, by service.",
            unit="reqps",
            queries=one(rate("failsoft_calls_refused_total", "job"), "{{job}}"),
        ),
    ],
)
