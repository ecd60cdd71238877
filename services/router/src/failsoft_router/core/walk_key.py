"""What a walk is asked for by."""

import enum
from dataclasses import dataclass


class KeyKind(enum.Enum):
    """Which id it is."""

    WALK = "walk"
    TRACE = "trace"
    REQUEST = "request"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkKey:
    """An id of a walk.

    Attributes:
        id: Not empty.
        tenant: Whose request id it is; empty: anybody's.
    """

    kind: KeyKind
    id: str
    tenant: str = ""

    def may_be(self, kind: KeyKind) -> bool:
        """Whether it is looked for as an id of this kind."""
        return self.kind in (kind, KeyKind.ANY)
