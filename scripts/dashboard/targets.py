"""Who can be asked, and what keeps others from being asked."""

from scripts.dashboard.panels import Panel, Query, Row
from scripts.dashboard.promql import HERE, one, rate, total, worst

_TARGET = "failsoft_hop_target"

ROW = Row(
    title="Targets and gates",
    panels=[
        Panel(
            title="Targets that walks call",
            about="On every replica; `no`: a breaker, a gate or a missing key keeps calls from it.",
            unit="bool_yes_no",
            queries=one(
                f"min by ({_TARGET}) (failsoft_target_ready{{{HERE}}})", f"{{{{{_TARGET}}}}}"
            ),
            yes_no=True,
        ),
        Panel(
            title="Breakers that are not closed",
            about="Replicas whose breaker of the target is open, or lets probes through only.",
            unit="short",
            queries=one(
                "sum by (failsoft_hop_target, failsoft_breaker_state)"
                f' (failsoft_breaker_state{{{HERE}, failsoft_breaker_state!="closed"}})',
                "{{failsoft_hop_target}} {{failsoft_breaker_state}}",
            ),
        ),
        Panel(
            title="Gates that are shut",
            about="By what hops are skipped for, on any replica.",
            unit="short",
            queries=one(
                worst("failsoft_gate_shut", f"{_TARGET}, failsoft_hop_skip_reason") + " == 1",
                "{{failsoft_hop_target}} {{failsoft_hop_skip_reason}}",
            ),
        ),
        Panel(
            title="Breakers' transitions",
            about="How often each state was entered.",
            unit="ops",
            queries=one(
                rate("failsoft_breaker_transitions_total", f"{_TARGET}, failsoft_breaker_state"),
                "{{failsoft_hop_target}} {{failsoft_breaker_state}}",
            ),
        ),
        Panel(
            title="Endpoints",
            about="Of targets whose endpoints are watched, as a replica sees them: `ejected` ones"
            " say that they are ready, and calls to them fail; `full` ones have no room.",
            unit="short",
            queries=one(
                worst("failsoft_endpoints", f"{_TARGET}, failsoft_endpoint_state"),
                "{{failsoft_hop_target}} {{failsoft_endpoint_state}}",
            ),
        ),
        Panel(
            title="Probes",
            about="Calls that find out whether a target is back, by what they found.",
            unit="ops",
            queries=one(
                rate("failsoft_probes_total", f"{_TARGET}, failsoft_probe_result"),
                "{{failsoft_hop_target}} {{failsoft_probe_result}}",
            ),
        ),
        Panel(
            title="Hops by outcome",
            about="Places on walks, the skipped ones too.",
            unit="ops",
            queries=one(
                rate("failsoft_hops_total", f"{_TARGET}, failsoft_hop_outcome"),
                "{{failsoft_hop_target}} {{failsoft_hop_outcome}}",
            ),
        ),
        Panel(
            title="Why hops failed",
            about="By the class of the error; see errors.md.",
            unit="ops",
            queries=one(
                rate(
                    "failsoft_hops_total",
                    f"{_TARGET}, failsoft_error_class",
                    where='failsoft_hop_outcome="failed"',
                ),
                "{{failsoft_hop_target}} {{failsoft_error_class}}",
            ),
        ),
        Panel(
            title="Why hops were skipped",
            about="Nobody was called, and nothing was waited for.",
            unit="ops",
            queries=one(
                rate(
                    "failsoft_hops_total",
                    f"{_TARGET}, failsoft_hop_skip_reason",
                    where='failsoft_hop_outcome="skipped"',
                ),
                "{{failsoft_hop_target}} {{failsoft_hop_skip_reason}}",
            ),
        ),
        Panel(
            title="Places at targets",
            about="Calls that have one, and calls that wait for one.",
            unit="short",
            queries=[
                Query(
                    expr=total("failsoft_bulkhead_in_flight", _TARGET),
                    legend="{{failsoft_hop_target}} in flight",
                ),
                Query(
                    expr=total("failsoft_bulkhead_waiting", _TARGET),
                    legend="{{failsoft_hop_target}} waiting",
                ),
            ],
        ),
    ],
)
