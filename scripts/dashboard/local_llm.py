"""The local model: its engine, its queue, its speed."""

from scripts.dashboard.panels import Panel, Query, Row
from scripts.dashboard.promql import HERE, one, quantile, rate, spread, total

ROW = Row(
    title="local-llm",
    panels=[
        Panel(
            title="A model answers",
            about="`no`: it is loading, dead, or cannot be started.",
            unit="bool_yes_no",
            queries=one(f"failsoft_engine_up{{{HERE}}}", "{{instance}}"),
            yes_no=True,
        ),
        Panel(
            title="Which model answers",
            about="Replicas by model; a smaller one answers where the best cannot be had.",
            unit="short",
            queries=[
                Query(
                    expr=total("failsoft_engine_info", "gen_ai_response_model, failsoft_profile"),
                    legend="{{gen_ai_response_model}} ({{failsoft_profile}})",
                ),
                Query(expr=total("failsoft_engine_degraded", "job"), legend="with a smaller one"),
            ],
        ),
        Panel(
            title="What happened to engines",
            about="Starts, deaths, replacements.",
            unit="ops",
            queries=one(
                rate("failsoft_engine_events_total", "failsoft_engine_event"),
                "{{failsoft_engine_event}}",
            ),
        ),
        Panel(
            title="Queue",
            about="Requests that are answered, and those that wait for their turn.",
            unit="short",
            queries=[
                Query(
                    expr=total("failsoft_engine_requests", "instance"), legend="{{instance}} run"
                ),
                Query(
                    expr=total("failsoft_queue_requests", "instance"), legend="{{instance}} wait"
                ),
            ],
        ),
        Panel(
            title="How long requests wait",
            about="From a request to its turn at the engine.",
            unit="s",
            queries=spread("failsoft_queue_wait_seconds"),
        ),
        Panel(
            title="Requests that were not let in",
            about="The router asks somebody else.",
            unit="reqps",
            queries=one(
                rate("failsoft_queue_refusals_total", "failsoft_queue_refusal"),
                "{{failsoft_queue_refusal}}",
            ),
        ),
        Panel(
            title="Time to the first token",
            about="From arrival, of whole answers.",
            unit="s",
            queries=spread("gen_ai_server_time_to_first_token_seconds"),
        ),
        Panel(
            title="Time for each token after that",
            about="Of whole answers.",
            unit="s",
            queries=spread("gen_ai_server_time_per_output_token_seconds"),
        ),
        Panel(
            title="How long requests take",
            about="From arrival to the end, however they ended.",
            unit="s",
            queries=spread("gen_ai_server_request_duration_seconds"),
        ),
        Panel(
            title="Tokens of the engine",
            about="Read and written, also for nothing; cached ones had not to be read again.",
            unit="short",
            queries=[
                Query(
                    expr=rate("failsoft_tokens_total", "gen_ai_token_type"),
                    legend="{{gen_ai_token_type}} a second",
                ),
                Query(expr=rate("failsoft_tokens_cached_total", "job"), legend="cached a second"),
            ],
        ),
        Panel(
            title="KV cache",
            about="Tokens that were promised, and that there is room for.",
            unit="short",
            queries=[
                Query(
                    expr=total("failsoft_engine_kv_reserved", "instance"),
                    legend="{{instance}} promised",
                ),
                Query(
                    expr=total("failsoft_engine_kv_capacity", "instance"),
                    legend="{{instance}} room",
                ),
                Query(
                    expr=total("failsoft_queue_tokens", "instance"), legend="{{instance}} waiting"
                ),
            ],
        ),
        Panel(
            title="How long engines take to start",
            about="To their first answer; the median.",
            unit="s",
            queries=one(
                quantile(0.5, "failsoft_engine_start_duration_seconds", by="failsoft_profile"),
                "{{failsoft_profile}}",
            ),
        ),
    ],
)
