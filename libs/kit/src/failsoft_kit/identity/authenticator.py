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
    | our services                  | the service token    | service, operator     | the same    |
    | users                         | their key or token   | user of its tenant,   | the same    |
    |                               |                      | with its scopes       |             |

    Our services are known by the service token, users by what an `Authority` judges. Where users
    are known, each of them says who it is, wherever it calls from.
    A service speaks for the tenant in its metadata `failsoft-tenant`, or else for `default`;
    from everybody else that entry is ignored.
    """

    def __init__(
        self, token: ServiceToken | None, *, loopback: bool, authorities: Sequence[Authority] = ()
    ) -> None:
        if token is None and not authorities and not loopback:
            raise StartupError(
                "a port where nobody is known may bind loopback only:"
                " bind 127.0.0.1, or configure a service token or API keys"
            )
        self._token = token
        self._authorities = authorities
        self._loopback = loopback
        accepted = [each.accepts for each in authorities]
        if token is not None:
            accepted.append("the service token")
        self._demand = f"the call needs {' or '.join(accepted)} as `authorization: Bearer …`"

    @classmethod
    def of(
        cls, token: ServiceToken | None, *, loopback: bool, authorities: Sequence[Authority] = ()
    ) -> Self:
        """The rules of a listener.

        Args:
            token: None: no service of ours is known here.
            loopback: Whether only this machine can reach the listener.
            authorities: Know users. None of them and no token: there is no identity here,
                everybody on this machine is its owner.

        Raises:
            StartupError: nobody is known, and more than loopback can reach it.
        """
        return cls(token, loopback=loopback, authorities=authorities)

    @property
    def admits_strangers(self) -> bool:
        """Whether who shows nothing is taken for the tenant `default`."""
        return self._loopback and not self._authorities

    def principal(self, metadata: Collection[tuple[str, str | bytes]]) -> Principal:
        """Who the caller is.

        Args:
            metadata: The call's, keys in lower case as gRPC gives them.

        Raises:
            Unauthenticated: the caller has to show what it is known by, or showed something else.
            InvalidRequest: a service named no possible tenant.
            FailsoftError: an authority cannot tell now.
        """
        if self._token is None and not self._authorities:
            return _OWNER
        shown = _entries(metadata, AUTHORIZATION_METADATA)
        if not shown and self.admits_strangers:
            return _USER
        bearer = _bearer(shown)
        if bearer is None:
            raise Unauthenticated(self._demand)
        if self._token is not None and self._token.matches(bearer):
            return _service(_entries(metadata, TENANT_METADATA))
        for authority in self._authorities:
            if authority.judges(bearer):
                return authority.principal(bearer)
        raise Unauthenticated(self._demand)


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
