"""Users whom an issuer vouches for: its signed tokens (JWT, RFC 7519) as bearers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import orjson
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from failsoft_kit.clock import Clock
from failsoft_kit.identity.jwks import Algorithm, KeySource
from failsoft_kit.identity.principal import TENANT_RULE, Kind, Principal, is_tenant
from failsoft_model.errors import Unauthenticated

_MAX_CHARACTERS = 16 * 1024
_SEPARATORS = 2
_REFUSED = "the token is not accepted: get a new one from its issuer"

Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token has to say.

    Attributes:
        issuer: Its `iss`, to the letter.
        audience: One of its `aud`.
        algorithms: Those that it may be signed by.
        tenant_claim: Which claim is the tenant's name.
        scopes_claim: Which claim has the scopes: a list, or words in one text.
        leeway: Seconds by which the issuer's clock and ours may differ.
    """

    issuer: str
    audience: str
    algorithms: Collection[Algorithm]
    tenant_claim: str
    scopes_claim: str
    leeway: float


class IssuerTokens:
    """The tokens of one issuer; an `Authority`.

    A token has to have `exp`. What is wrong with a token is told only where its signature is
    right; nothing of a token is ever quoted.
    """

    def __init__(self, rules: TokenRules, keys: KeySource, *, clock: Clock) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock
        self._names = {each.value: each for each in rules.algorithms}
        self._jws = PyJWS(algorithms=list(self._names))

    @property
    def accepts(self) -> str:
        """See `Authority`."""
        return "a token of its issuer (JWT)"

    def judges(self, bearer: str) -> bool:
        """See `Authority`."""
        return bearer.count(".") == _SEPARATORS

    def principal(self, bearer: str) -> Principal:
        """Whom the issuer says that it is.

        Raises:
            Unauthenticated: it is no token of the issuer, or not for us, or not now.
            KeysUnavailable: the issuer's keys are being fetched.
        """
        claims = self._signed_claims(bearer)
        self._refuse_others(claims)
        self._refuse_other_times(claims)
        tenant = claims.get(self._rules.tenant_claim)
        if not isinstance(tenant, str) or not is_tenant(tenant):
            raise Unauthenticated(
                f"the token's claim `{self._rules.tenant_claim}` names no tenant: {TENANT_RULE}"
            )
        scopes = _scopes(claims.get(self._rules.scopes_claim))
        return Principal(tenant=tenant, kind=Kind.USER, scopes=scopes)

    def _signed_claims(self, bearer: str) -> Claims:
        """What the token says, after its signature was found to be the issuer's."""
        if len(bearer) > _MAX_CHARACTERS or not bearer.isascii():
            raise Unauthenticated(_REFUSED)
        header = self._header(bearer)
        algorithm = self._names.get(_text(header.get("alg")))
        kid = header.get("kid", "")
        if algorithm is None or not isinstance(kid, str):
            raise Unauthenticated(_REFUSED)
        known = self._keys.find(kid)
        key = None if known is None else known.by_algorithm.get(algorithm)
        if key is None:
            raise Unauthenticated(_REFUSED)
        try:
            payload = self._jws.decode(bearer, key, algorithms=[algorithm.value])
        except (PyJWTError, ValueError) as error:
            raise Unauthenticated(_REFUSED) from error
        return _object(payload)

    def _header(self, bearer: str) -> Mapping[str, object]:
        """What the token says of itself, which nobody has signed yet."""
        try:
            return self._jws.get_unverified_header(bearer)
        except (PyJWTError, ValueError) as error:
            raise Unauthenticated(_REFUSED) from error

    def _refuse_others(self, claims: Claims) -> None:
        """
        Raises:
            Unauthenticated: another issuer's, or for somebody else.
        """
        if claims.get("iss") != self._rules.issuer:
            raise Unauthenticated("the token's `iss` is another issuer")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if self._rules.audience not in named:
            raise Unauthenticated("the token's `aud` is somebody else")

    def _refuse_other_times(self, claims: Claims) -> None:
        """
        Raises:
            Unauthenticated: it is over, not begun, or never ends.
        """
        now, leeway = self._clock.unix(), self._rules.leeway
        ends = _moment(claims.get("exp"))
        if ends is None:
            raise Unauthenticated("the token has no end: its issuer has to set `exp`")
        if now >= ends + leeway:
            raise Unauthenticated("the token has expired: get a new one from its issuer")
        begins = _moment(claims.get("nbf", 0))
        if begins is None or now < begins - leeway:
            raise Unauthenticated("the token's time has not begun: look at `nbf` and the clocks")


def _scopes(claim: object) -> frozenset[str]:
    """The scopes that a claim says, in either of the two usual forms; none in any other."""
    match claim:
        case str():
            return frozenset(claim.split())
        case list():
            return frozenset(each for each in claim if isinstance(each, str))
        case _:
            return frozenset()


def _object(content: bytes) -> Mapping[str, object]:
    """
    Raises:
        Unauthenticated: it is no JSON object.
    """
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Unauthenticated(_REFUSED) from error
    if not isinstance(value, dict):
        raise Unauthenticated(_REFUSED)
    return value


def _moment(claim: object) -> float | None:
    """Seconds since 1970; None: the claim is no such number."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    return float(claim)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
