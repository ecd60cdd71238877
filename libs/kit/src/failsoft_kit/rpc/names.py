"""The telemetry names that gRPC uses; every service registers those of serving."""

from failsoft_kit.telemetry.names import (
    AttributeName,
    MetricName,
    MetricType,
    Name,
    SpanName,
    ValueType,
)

SYSTEM = AttributeName(
    name="rpc.system.name", type=ValueType.STRING, allowed=("grpc",), description="Always grpc."
)
METHOD = AttributeName(
    name="rpc.method",
    type=ValueType.STRING,
    description="Full name of the method: package, service and method.",
)
STATUS = AttributeName(
    name="rpc.status_code",
    type=ValueType.STRING,
    description="The status that the call ended with, by name.",
)
ERROR_TYPE = AttributeName(
    name="error.type",
    type=ValueType.STRING,
    description="Why it failed: a reason, a status or an exception's class.",
)

_DURATIONS = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(30.0, 60.0, 120.0, 300.0, 600.0),
)
"""OpenTelemetry's, which end at 10 seconds, and on to ten minutes."""

CALL_DURATION = MetricName(
    name="rpc.server.call.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="Calls that were answered, streams until their end; without health checks.",
    labels=(SYSTEM, METHOD, STATUS),
    buckets=_DURATIONS,
)
CALLS_REFUSED = MetricName(
    name="failsoft.calls.refused",
    type=MetricType.COUNTER,
    unit="{call}",
    description="Calls over gRPC and HTTP for which there was no room: as many ran as `max_calls`"
    " allows.",
)
CLIENT_CALL_DURATION = MetricName(
    name="rpc.client.call.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="Calls to other services of ours, streams until their end, by the status that"
    " they ended with here; `CANCELLED` where an answer was given up, too.",
    labels=(SYSTEM, METHOD, STATUS),
    buckets=_DURATIONS,
)

RPC_NAMES: tuple[Name, ...] = (
    SpanName(
        name="{service}/{method}",
        description="A call that is answered: from its first byte to the last byte of its reply.",
    ),
    SYSTEM,
    METHOD,
    STATUS,
    ERROR_TYPE,
    *(CALL_DURATION, CALLS_REFUSED),
    AttributeName(
        name="failsoft.reason",
        type=ValueType.STRING,
        description="The reason in the error that the caller got.",
    ),
    AttributeName(
        name="failsoft.tenant.id", type=ValueType.STRING, description="Whose request it is."
    ),
    AttributeName(
        name="failsoft.request.id",
        type=ValueType.STRING,
        description="The caller's own id of the request, else the trace's.",
    ),
)
RPC_CLIENT_NAMES: tuple[Name, ...] = (SYSTEM, METHOD, STATUS, CLIENT_CALL_DURATION)
"""Those of services that call others."""
