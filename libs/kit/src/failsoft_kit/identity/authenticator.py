"""Tells a call's principal from its metadata, by the rules of one listener."""

from collections.abc import Collection, Sequence
from typing import Protocol, Self

from failsoft_kit.identity.principal import (
    DEFAULT_TENANT,
    OPERATOR_SCOPE,
    TENANT_RULE,
    Kind,
    Principal,
    is_tenant,
)
from failsoft_kit.identity.service_token import ServiceToken
from failsoft_kit.startup import StartupError
from failsoft_model.errors import FieldViolation, InvalidRequest, Unauthenticated

AUTHORIZATION_METADATA = "authorization"
TENANT_METADATA = "failsoft-tenant"

_SCHEME = "Bearer "


class Authority(Protocol):
    """Knows users by bearers of one kind, such as API keys."""

    @property
    def accepts(self) -> str:
        """What it takes, for who shows something else: "an API key (fs_…)"."""

    def judges(self, bearer: str) -> bool:
        """Whether a bearer is of its kind, right or wrong."""

    def principal(self, bearer: str) -> Principal:
        """Who shows that bearer.

        Raises:
            FailsoftError: Unauthenticated for whatever is wrong with it; another one while
                that cannot be told.
        """


class Authenticator:
    """Tells a call's principal from its metadata, by the rules of one listener.

    | known here                    | the caller shows     | on loopback           | elsewhere   |
    |-------------------------------|----------------------|-----------------------|-------------|
    | nobody                        | anything             | user of `default`,    | never built |
    |                               |                      | operator              |             |
    | our services                  | no bearer            | user of `default`     | refused     |
    | users                         | no bearer            | refused               | refused     |
    | anybody                       | another bearer       | refused               | refused     |
    | our services                  | what they are known  | service, operator     | the same    |
    |                               | by                   |                       |             |
    | users                         | their key or token   | user of its tenant,   | the same    |
    |                               |                      | with its scopes       |             |

    Our services are known by the service token, or by a name in their certificate and no bearer;
    where there are both, they have to show both: one that got out is not enough then.
    Users are known by what an `Authority` judges. Where users or names are known, each caller says
    who it is, wherever it calls from.
    A service speaks for the tenant in its metadata `failsoft-tenant`, or else for `default`;
    from everybody else that entry is ignored.
    """

    def __init__(
        self,
        token: ServiceToken | None,
        *,
        loopback: bool,
        authorities: Sequence[Authority] = (),
        services: Collection[str] = (),
    ) -> None:
        self._unowned = token is None and not authorities and not services
        if self._unowned and not loopback:
            raise StartupError(
                "a port where nobody is known may bind loopback only:"
                " bind 127.0.0.1, or configure a service token or API keys"
            )
        self._token = token
        self._authorities = authorities
        self._services = frozenset(services)
        self._loopback = loopback
        self._demand = _demand(token, authorities, services)

    @classmethod
    def of(
        cls,
        token: ServiceToken | None,
        *,
        loopback: bool,
        authorities: Sequence[Authority] = (),
        services: Collection[str] = (),
    ) -> Self:
        """The rules of a listener.

        Args:
            token: What our services have to show; None: no bearer.
            loopback: Whether only this machine can reach the listener.
            authorities: Know users.
            services: Names of which our services have to have one in their certificates. None of
                them, no authority and no token: there is no identity here, everybody on this
                machine is its owner.

        Raises:
            StartupError: nobody is known, and more than loopback can reach it.
        """
        return cls(token, loopback=loopback, authorities=authorities, services=services)

    @property
    def admits_strangers(self) -> bool:
        """Whether who shows nothing is taken for the tenant `default`."""
        return self._loopback and not self._authorities and not self._services

    @property
    def reads_certificates(self) -> bool:
        """Whether the names in a caller's certificate say anything here."""
        return bool(self._services)

    def principal(
        self, metadata: Collection[tuple[str, str | bytes]], *, names: Collection[str] = ()
    ) -> Principal:
        """Who the caller is.

        Args:
            metadata: The call's, keys in lower case as gRPC gives them.
            names: Those in the certificate that the caller has shown. They count with the service
                token, or with no bearer where there is no such token: who passes a user's bearer
                on does not ask as itself.

        Raises:
            Unauthenticated: the caller has to show what it is known by, or showed something else.
            InvalidRequest: a service named no possible tenant.
            FailsoftError: an authority cannot tell now.
        """
        if self._unowned:
            return _OWNER
        shown = _entries(metadata, AUTHORIZATION_METADATA)
        if not shown and self._token is None and self._services.intersection(names):
            return _service(_entries(metadata, TENANT_METADATA))
        if not shown and self.admits_strangers:
            return _USER
        bearer = _bearer(shown)
        if bearer is None:
            raise Unauthenticated(self._demand_of(names))
        if self._token is not None and self._token.matches(bearer):
            if self._services and self._services.isdisjoint(names):
                raise Unauthenticated(self._demand_of(names))
            return _service(_entries(metadata, TENANT_METADATA))
        for authority in self._authorities:
            if authority.judges(bearer):
                return authority.principal(bearer)
        raise Unauthenticated(self._demand_of(names))

    def _demand_of(self, names: Collection[str]) -> str:
        """What a caller has to show, whose certificate, if any, has these names."""
        if not names or not self._services.isdisjoint(names):
            return self._demand
        return f"{self._demand}; the one shown is for {', '.join(names)}, which is none of them"


def _demand(
    token: ServiceToken | None, authorities: Sequence[Authority], services: Collection[str]
) -> str:
    """What a caller has to show, whoever it is."""
    bearers = [each.accepts for each in authorities]
    certificate = "a certificate of one of our services"
    if token is not None and services:
        certificate = f"the service token along with {certificate}"
    elif token is not None:
        bearers.append("the service token")
    ways = [f"{' or '.join(bearers)} as `authorization: Bearer …`"] if bearers else []
    if services:
        ways.append(certificate)
    return f"the call needs {', or '.join(ways)}"


_USER = Principal(tenant=DEFAULT_TENANT, kind=Kind.USER)
_OWNER = Principal(tenant=DEFAULT_TENANT, kind=Kind.USER, scopes=frozenset({OPERATOR_SCOPE}))


def _entries(metadata: Collection[tuple[str, str | bytes]], name: str) -> list[str | bytes]:
    return [value for key, value in metadata if key == name]


def _bearer(shown: Sequence[str | bytes]) -> str | None:
    """The one bearer that is shown; None: none, several, or what no scheme of ours is."""
    match shown:
        case [str(authorization)] if authorization[: len(_SCHEME)].lower() == _SCHEME.lower():
            return authorization[len(_SCHEME) :]
        case _:
            return None


def _service(tenants: Sequence[str | bytes]) -> Principal:
    tenant = tenants[0] if tenants else DEFAULT_TENANT
    if len(tenants) > 1 or not isinstance(tenant, str) or not is_tenant(tenant):
        rule = f"at most one, and {TENANT_RULE}"
        raise InvalidRequest(
            f"the metadata {TENANT_METADATA} names no tenant",
            violations=[FieldViolation(field=TENANT_METADATA, description=rule)],
        )
    return Principal(tenant=tenant, kind=Kind.SERVICE, scopes=frozenset({OPERATOR_SCOPE}))
