"""What the dialects of one look-alike share, and what each of them gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

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
