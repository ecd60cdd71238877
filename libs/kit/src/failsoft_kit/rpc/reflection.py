"""Server reflection, v1 and v1alpha: lets grpcurl and people ask what a server offers.

The library has v1alpha alone. v1 is the same messages under another name, so the one
handler serves both.
"""

from collections.abc import Mapping, Sequence

from grpc_reflection.v1alpha import reflection_pb2_grpc
from grpc_reflection.v1alpha.reflection import aio

from failsoft_kit.rpc.handlers import Handler
from failsoft_kit.rpc.registrar import Registrar

REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
REFLECTION_V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"


def reflection_handlers(services: Sequence[str]) -> Mapping[str, Mapping[str, Handler]]:
    """The handlers of both versions, by service.

    Args:
        services: Full names of what the server offers besides.
    """
    offered = Registrar()
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
        aio.ReflectionServicer((*services, REFLECTION_V1, REFLECTION_V1ALPHA)), offered.as_server()
    )
    handlers = offered.services[REFLECTION_V1ALPHA]
    return {REFLECTION_V1: handlers, REFLECTION_V1ALPHA: handlers}
