"""What answers cost: calls, time, tokens."""

from scripts.dashboard.panels import Panel, Query, Row
from scripts.dashboard.promql import HERE, one, quantile, rate

_TARGET = "failsoft_hop_target"
_MODEL = "gen_ai_request_model"

ROW = Row(
    title="Attempts and tokens",
    panels=[
        Panel(
            title="Calls to models",
            about="By the class of their error; none: it answered.",
            unit="reqps",
            queries=one(
                rate(
                    "gen_ai_client_operation_duration_seconds_count",
                    f"gen_ai_provider_name, {_MODEL}, error_type",
                ),
                "{{gen_ai_provider_name}} {{gen_ai_request_model}} {{error_type}}",
            ),
        ),
        Panel(
            title="Time to the first content",
            about="95 % of calls had some within this time.",
            unit="s",
            queries=[
                Query(
                    expr=quantile(
                        0.95, "gen_ai_client_operation_time_to_first_chunk_seconds", by=_MODEL
                    ),
                    legend="{{gen_ai_request_model}}",
                    exemplars=True,
                )
            ],
        ),
        Panel(
            title="How long calls take",
            about="95 % of calls ended within this time, however they ended.",
            unit="s",
            queries=[
                Query(
                    expr=quantile(0.95, "gen_ai_client_operation_duration_seconds", by=_MODEL),
                    legend="{{gen_ai_request_model}}",
                    exemplars=True,
                )
            ],
        ),
        Panel(
            title="Tokens",
            about="As the targets told them; a call that broke off told none.",
            unit="short",
            queries=one(
                rate("gen_ai_client_token_usage_sum", f"{_MODEL}, gen_ai_token_type"),
                "{{gen_ai_request_model}} {{gen_ai_token_type}} a second",
            ),
        ),
        Panel(
            title="Tokens by tenant",
            about="Only tenants that `router.metrics_tenants` names; all others are `other`.",
            unit="short",
            queries=one(
                rate("failsoft_tenant_tokens_total", "failsoft_tenant_id, gen_ai_token_type"),
                "{{failsoft_tenant_id}} {{gen_ai_token_type}} a second",
            ),
        ),
        Panel(
            title="Calls for each walk",
            about="What one answer costs, on average; 0 for one out of the cache.",
            unit="short",
            queries=one(
                f"{rate('failsoft_walk_calls_sum', 'failsoft_route')}"
                f" / {rate('failsoft_walk_calls_count', 'failsoft_route')}",
                "{{failsoft_route}}",
            ),
        ),
        Panel(
            title="Second attempts",
            about="Those that were made in a second, and those that are left in the budgets.",
            unit="short",
            queries=[
                Query(
                    expr=rate("failsoft_retries_total", _TARGET),
                    legend="{{failsoft_hop_target}} made",
                ),
                Query(
                    expr=f"min by ({_TARGET}) (failsoft_retry_budget{{{HERE}}})",
                    legend="{{failsoft_hop_target}} left",
                ),
            ],
        ),
    ],
)
