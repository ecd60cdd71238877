"""`/healthz` and `/readyz`, for probes and balancers that speak HTTP."""

from collections.abc import Sequence

from failsoft_kit.http.exchange import Reply, Request, Response
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import Access
from failsoft_kit.rpc.health import LIVENESS, Health

_WHOLE_SERVER = ""
_WELL = Reply(status=200, body=b'{"status":"ok"}')
_NOT_WELL = Reply(status=503, body=b'{"status":"unavailable"}')


def health_routes(health: Health) -> Sequence[Route]:
    """Whether the process is alive, and whether it is ready, to anyone who asks."""

    async def alive(request: Request, response: Response) -> None:
        await response.reply(_WELL if health.serving(LIVENESS) else _NOT_WELL)

    async def ready(request: Request, response: Response) -> None:
        await response.reply(_WELL if health.serving(_WHOLE_SERVER) else _NOT_WELL)

    return [
        Route(method="GET", path=path, access=Access.ANYONE, handler=handler)
        for path, handler in (("/healthz", alive), ("/readyz", ready))
    ]
