"""The route `GET /health`."""

from collections.abc import Sequence

import orjson

from failsoft_kit.clock import Clock
from failsoft_kit.http.exchange import Reply, Request, Response
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import Access
from failsoft_router.api.health.document import health_document
from failsoft_router.app.health.survey import Survey

_NEVER_KEPT = (("cache-control", "no-store"),)


def health_report_routes(survey: Survey, *, clock: Clock) -> Sequence[Route]:
    """How everything is, for anybody who may ask for an answer.

    They learn no more of targets than the hops of their answers tell, beside how often and how
    fast these answer: no addresses, and nothing of who asked for what. It is always a 200: what
    is wrong is in the document, and `/readyz` has a status.
    """

    async def tell(request: Request, response: Response) -> None:
        report = await survey.report()
        document = health_document(report, unix=clock.unix())
        body = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
        await response.reply(Reply(status=200, body=body, headers=_NEVER_KEPT))

    return [
        Route(method="GET", path="/health", access=Access.TENANT, handler=tell, is_check=True),
    ]
