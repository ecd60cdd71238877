"""What stored answers are good for, and how our own services are reached."""

from scripts.dashboard.panels import Panel, Query, Row
from scripts.dashboard.promql import HERE, one, quantile, rate, spread, total

ROW = Row(
    title="Cache",
    panels=[
        Panel(
            title="What the cache said of walks",
            about="As routers were told; `bypass`: it was not asked, or is away.",
            unit="reqps",
            queries=one(
                rate("failsoft_walk_cache_total", "failsoft_cache_status"),
                "{{failsoft_cache_status}}",
            ),
        ),
        Panel(
            title="Look-ups",
            about="As the cache itself counts them.",
            unit="reqps",
            queries=one(
                rate("failsoft_cache_lookups_total", "failsoft_cache_status"),
                "{{failsoft_cache_status}}",
            ),
        ),
        Panel(
            title="Age of stored answers",
            about="Of those that were handed out.",
            unit="s",
            queries=spread("failsoft_cache_age_seconds"),
        ),
        Panel(
            title="Answers to be kept",
            about="Stored and refused ones, and entries that were damaged.",
            unit="ops",
            queries=[
                Query(
                    expr=rate("failsoft_cache_stores_total", "failsoft_cache_store_outcome"),
                    legend="{{failsoft_cache_store_outcome}}",
                ),
                Query(expr=rate("failsoft_cache_damaged_total", "job"), legend="damaged"),
            ],
        ),
        Panel(
            title="Valkey",
            about="`no`: each replica knows only what it has stored itself.",
            unit="bool_yes_no",
            queries=one(f"failsoft_cache_shared_up{{{HERE}}}", "{{instance}}"),
            yes_no=True,
        ),
        Panel(
            title="The replicas' own memory",
            about="What answers take of it.",
            unit="bytes",
            queries=one(total("failsoft_cache_local_size_bytes", "instance"), "{{instance}}"),
        ),
        Panel(
            title="Answers in the replicas' own memory",
            about="How many they are.",
            unit="short",
            queries=one(total("failsoft_cache_local_entries", "instance"), "{{instance}}"),
        ),
        Panel(
            title="Calls to our own services",
            about="95 % of the router's calls to cache and local-llm ended within this time.",
            unit="s",
            queries=[
                Query(
                    expr=quantile(0.95, "rpc_client_call_duration_seconds", by="rpc_method"),
                    legend="{{rpc_method}}",
                    exemplars=True,
                )
            ],
        ),
        Panel(
            title="Calls to our own services that failed",
            about="By status; a look-up has 50 ms.",
            unit="reqps",
            queries=one(
                rate(
                    "rpc_client_call_duration_seconds_count",
                    "rpc_method, rpc_status_code",
                    where='rpc_status_code!="OK"',
                ),
                "{{rpc_method}} {{rpc_status_code}}",
            ),
        ),
    ],
)
