"""Who calls: principals, the token that our own services share, and what a method demands."""

import enum
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock, SystemClock
from failsoft_kit.startup import StartupError
from failsoft_model.errors import FieldViolation, InvalidRequest, Unauthenticated

DEFAULT_TENANT = "default"
OPERATOR_SCOPE = "operator"
AUTHORIZATION_METADATA = "authorization"
TENANT_METADATA = "failsoft-tenant"

TENANT_RULE = "it matches [a-z0-9][a-z0-9-]{0,62}"

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SCHEME = "Bearer "
_TOKEN_MIN_CHARACTERS = 32
_TOKEN_CHECK_SECONDS = 1.0
_SYSTEM_CLOCK = SystemClock()

_log: FilteringBoundLogger = structlog.get_logger()


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


class ServiceToken:
    """The secret that our own services show each other; it follows its file.

    The file is looked at again when it is asked for and a second has passed since the last look,
    so a replaced secret is in use everywhere without a restart.
    A file that goes bad later changes nothing: the last good token stays, and a log line says so.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._seen = _signature(path)
        self._value = _read(path)
        self._look_again_at = clock.now() + _TOKEN_CHECK_SECONDS

    @classmethod
    def from_file(cls, path: Path, *, clock: Clock = _SYSTEM_CLOCK) -> Self:
        """The token in that file: at least 32 printable ASCII characters; white space around
        them is dropped.

        Raises:
            StartupError: the file cannot be read, or what it holds is no token.
        """
        return cls(path, clock=clock)

    def matches(self, presented: str) -> bool:
        """Whether that is the token; takes the same time however much of it is right."""
        return hmac.compare_digest(
            self._current().encode("ascii"), presented.encode("utf-8", "surrogatepass")
        )

    def authorization(self) -> str:
        """What a call to one of our services carries as its `authorization` metadata."""
        return _SCHEME + self._current()

    def __repr__(self) -> str:
        return f"ServiceToken({str(self._path)!r})"

    def _current(self) -> str:
        now = self._clock.now()
        if now >= self._look_again_at:
            self._look_again_at = now + _TOKEN_CHECK_SECONDS
            self._follow_file()
        return self._value

    def _follow_file(self) -> None:
        seen = _signature(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._value = _read(self._path)
        except StartupError as error:
            _log.warning("service_token.kept", path=str(self._path), problem=str(error))


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What tells one content of a file from the next; None: there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> str:
    try:
        value = path.read_bytes().strip()
    except OSError as error:
        message = f"the service token {str(path)!r} cannot be read: {error.strerror}"
        raise StartupError(message) from error
    if len(value) < _TOKEN_MIN_CHARACTERS or not all(0x21 <= byte <= 0x7E for byte in value):
        raise StartupError(
            f"the service token {str(path)!r} must be at least {_TOKEN_MIN_CHARACTERS} printable"
            " ASCII characters without spaces; `openssl rand -hex 32` makes one"
        )
    return value.decode("ascii")


class Authenticator:
    """Tells a call's principal from its metadata, by the rules of one listener.

    | token      | the caller shows | on loopback                   | elsewhere   |
    |------------|------------------|-------------------------------|-------------|
    | none       | anything         | user of `default`, operator   | never built |
    | configured | no bearer        | user of `default`             | refused     |
    | configured | another bearer   | refused                       | refused     |
    | configured | the token        | service, operator             | the same    |

    A service speaks for the tenant in its metadata `failsoft-tenant`, or else for `default`;
    from everybody else that entry is ignored.
    """

    def __init__(self, token: ServiceToken | None, *, loopback: bool) -> None:
        if token is None and not loopback:
            raise StartupError(
                "a port without a service token may bind loopback only:"
                " bind 127.0.0.1 or configure the token's file"
            )
        self._token = token
        self._loopback = loopback

    @classmethod
    def of(cls, token: ServiceToken | None, *, loopback: bool) -> Self:
        """The rules of a listener.

        Args:
            token: None: there is no identity here, everybody on this machine is its owner.
            loopback: Whether only this machine can reach the listener.

        Raises:
            StartupError: neither a token nor loopback.
        """
        return cls(token, loopback=loopback)

    def principal(self, metadata: Collection[tuple[str, str | bytes]]) -> Principal:
        """Who the caller is.

        Args:
            metadata: The call's, keys in lower case as gRPC gives them.

        Raises:
            Unauthenticated: the caller has to show the token, or showed something else.
            InvalidRequest: a service named no possible tenant.
        """
        if self._token is None:
            return _OWNER
        shown = _entries(metadata, AUTHORIZATION_METADATA)
        if not shown and self._loopback:
            return _USER
        if len(shown) != 1 or not _shows(self._token, shown[0]):
            raise Unauthenticated("the call needs the service token as `authorization: Bearer …`")
        return _service(_entries(metadata, TENANT_METADATA))


_USER = Principal(tenant=DEFAULT_TENANT, kind=Kind.USER)
_OWNER = Principal(tenant=DEFAULT_TENANT, kind=Kind.USER, scopes=frozenset({OPERATOR_SCOPE}))


def _entries(metadata: Collection[tuple[str, str | bytes]], name: str) -> list[str]:
    return [value for key, value in metadata if key == name and isinstance(value, str)]


def _shows(token: ServiceToken, authorization: str) -> bool:
    scheme, presented = authorization[: len(_SCHEME)], authorization[len(_SCHEME) :]
    return scheme.lower() == _SCHEME.lower() and token.matches(presented)


def is_tenant(name: str) -> bool:
    """Whether a tenant may have that name."""
    return _TENANT.fullmatch(name) is not None


def _service(tenants: list[str]) -> Principal:
    tenant = tenants[0] if tenants else DEFAULT_TENANT
    if len(tenants) > 1 or not is_tenant(tenant):
        rule = f"at most one, and {TENANT_RULE}"
        raise InvalidRequest(
            f"the metadata {TENANT_METADATA} names no tenant",
            violations=[FieldViolation(field=TENANT_METADATA, description=rule)],
        )
    return Principal(tenant=tenant, kind=Kind.SERVICE, scopes=frozenset({OPERATOR_SCOPE}))
