"""One question to a look-alike, in whichever dialect: checked, met by its fault, answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from failsoft_upstream.answer import Question, answer, resumption
from failsoft_upstream.dialect import Backstage
from failsoft_upstream.faults import Fault, Resume, Status
from failsoft_upstream.player import play
from failsoft_upstream.reply import Encoder, Errors
from failsoft_upstream.stage import perform

JSON = "application/json"


class Refused(Exception):
    """A request that the provider would not take, in its own words."""

    def __init__(self, message: str, *, status: int, body: bytes) -> None:
        """
        Args:
            body: Of the HTTP response: the provider's JSON.
        """
        super().__init__(message)
        self.status = status
        self.body = body

    @property
    def response(self) -> web.Response:
        """What the caller gets."""
        return web.Response(status=self.status, body=self.body, content_type=JSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A question that the provider would answer, and what befalls it.

    Attributes:
        sent_as: What the fault looks like in this dialect; None: like itself.
    """

    question: Question
    encoder: Encoder
    fault: Fault
    sent_as: Fault | None = None


async def serve(
    backstage: Backstage,
    request: web.Request,
    prepare: Callable[[bytes], Prepared],
    *,
    errors: Errors,
) -> web.StreamResponse:
    """Answer one question, as its fault has it.

    Args:
        prepare: Reads the body; raises `Refused` for a request that the provider would not
            take, which uses up no step of a script: a fault must not hide the caller's mistake.
    """
    with backstage.meter.call(request.path):
        content = await request.read()
        backstage.received.append(request, content)
        try:
            prepared = prepare(content)
        except Refused as refused:
            return refused.response
        question, fault, style = prepared.question, prepared.fault, backstage.options.style
        backstage.meter.asked(model=question.model, fault=fault.kind, tokens=question.tokens)
        told = answer(question, style)
        if isinstance(fault, Resume):
            told = resumption(question, style, fault.how)
        reply = perform(
            _refusal(question, fault, errors) or prepared.sent_as or fault,
            told,
            encoder=prepared.encoder,
            errors=errors,
            style=style,
            model=question.model,
            now=datetime.now(UTC),
        )
        return await play(request, reply, backstage.meter)


def _refusal(question: Question, fault: Fault, errors: Errors) -> Fault | None:
    """What a conversation that the assistant ends is answered by; None: it is taken."""
    ends = question.begun is not None and question.begun.is_last
    refused = isinstance(fault, Resume) and not fault.begun and ends
    return Status(status=400, body=errors.begun_turn().decode()) if refused else None
