"""The telemetry names that serving gRPC uses; every service registers them."""

from failsoft_kit.telemetry.names import AttributeName, Name, SpanName, ValueType

RPC_NAMES: tuple[Name, ...] = (
    SpanName(
        name="{service}/{method}",
        description="A call that is answered: from its first byte to the last byte of its reply.",
    ),
    AttributeName(
        name="rpc.system.name", type=ValueType.STRING, allowed=("grpc",), description="Always grpc."
    ),
    AttributeName(
        name="rpc.method",
        type=ValueType.STRING,
        description="Full name of the method: package, service and method.",
    ),
    AttributeName(
        name="rpc.status_code",
        type=ValueType.STRING,
        description="The status that the call ended with, by name.",
    ),
    AttributeName(
        name="error.type",
        type=ValueType.STRING,
        description="Why the span failed: a reason, a status or an exception's class.",
    ),
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
