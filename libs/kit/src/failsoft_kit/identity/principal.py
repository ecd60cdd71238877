"""A caller as far as it has been verified, and what a method demands of one."""

import enum
import re
from dataclasses import dataclass

DEFAULT_TENANT = "default"
OPERATOR_SCOPE = "operator"

TENANT_RULE = "it matches [a-z0-9][a-z0-9-]{0,62}"

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Kind(enum.Enum):
    """What sort of caller it is."""

    USER = "user"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller, as far as it has been verified."""

    tenant: str
    """Whose request it is: `[a-z0-9][a-z0-9-]{0,62}`."""
    kind: Kind
    scopes: frozenset[str] = frozenset()
    """What the caller may do beyond asking for its tenant."""


class Access(enum.Enum):
    """What a method demands of its caller; each method has one in its service's table."""

    ANYONE = "anyone"
    """Health and reflection."""
    TENANT = "tenant"
    """Any principal, for its own tenant."""
    SERVICE = "service"
    """Only our own services."""
    OPERATOR = "operator"
    """Who runs the system: the admin port."""

    def permits(self, principal: Principal) -> bool:
        """Whether the principal may call a method that demands this."""
        match self:
            case Access.ANYONE | Access.TENANT:
                return True
            case Access.SERVICE:
                return principal.kind is Kind.SERVICE
            case Access.OPERATOR:
                return OPERATOR_SCOPE in principal.scopes


def is_tenant(name: str) -> bool:
    """Whether a tenant may have that name."""
    return _TENANT.fullmatch(name) is not None
