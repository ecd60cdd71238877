"""What the dialects of one look-alike share, and what each of them gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from failsoft_upstream import notation
from failsoft_upstream.faults import Fault, Refuse
from failsoft_upstream.meter import Meter
from failsoft_upstream.options import Options
from failsoft_upstream.received import Inbox
from failsoft_upstream.script import Playbook


@dataclass(frozen=True, slots=True, kw_only=True)
class Backstage:
    """The state of a look-alike, one for all its dialects."""

    options: Options
    playbook: Playbook = field(default_factory=Playbook)
    meter: Meter = field(default_factory=Meter)
    received: Inbox = field(default_factory=Inbox)


class Dialect(Protocol):
    """A provider's wire format."""

    def routes(self) -> Sequence[web.RouteDef]:
        """Its HTTP paths."""
        ...


FAULT_HEADER = "x-failsoft-fault"


class CannotPlay(ValueError):
    """A request asks for a fault that is none, or none for a request."""


def chosen_fault(
    backstage: Backstage, request: web.Request, *, model: str, suffix: str | None
) -> Fault:
    """The fault that meets this request; moves the model's script on where that decides.

    Args:
        suffix: Of the model's name, in faults' short form; None: it has none.

    Raises:
        CannotPlay: What the request asks for cannot be played.
    """
    text = request.headers.get(FAULT_HEADER) or suffix
    if text is None:
        return backstage.playbook.next(model)
    try:
        fault = notation.parse(text)
    except notation.BadFault as error:
        raise CannotPlay(str(error)) from error
    if isinstance(fault, Refuse):
        raise CannotPlay("refuse is for a whole target, not for a request")
    return fault
