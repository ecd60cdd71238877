"""Which tokens of an issuer are believed, and for whom."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from issuer import Issuer

from failsoft_kit.identity import Access, Authenticator, Kind, Principal
from failsoft_kit.identity.jwks import Algorithm, KeySet, SigningKey, parse_key_set
from failsoft_kit.identity.jwt import IssuerTokens, TokenRules
from failsoft_kit.testing.clock import SettableClock
from failsoft_model.errors import Unauthenticated

NOW = 1_800_000_000.0
CLAIMS: Mapping[str, object] = {
    "iss": "https://issuer.example",
    "aud": "failsoft",
    "exp": NOW + 600,
    "tenant": "acme",
}
RULES = TokenRules(
    issuer="https://issuer.example",
    audience="failsoft",
    algorithms=[Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA],
    tenant_claim="tenant",
    scopes_claim="scope",
    leeway=30.0,
)


class Keys:
    """Keys that are there."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def find(self, kid: str) -> SigningKey | None:
        return self._keys.get(kid)


@pytest.fixture(scope="module")
def keys(issuer: Issuer) -> Keys:
    return Keys(parse_key_set(issuer.key_set("curve", "edwards", "rsa")))


@pytest.fixture(scope="module")
def tokens(keys: Keys) -> IssuerTokens:
    return IssuerTokens(RULES, keys, clock=SettableClock(NOW))


def without(claim: str) -> Mapping[str, object]:
    return {key: value for key, value in CLAIMS.items() if key != claim}


def segment(value: object) -> str:
    written = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(written).rstrip(b"=").decode()


def refusal(tokens: IssuerTokens, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        tokens.principal(token)
    return refused.value.message


# Believed.


@pytest.mark.parametrize(
    ("kid", "algorithm"), [("curve", "ES256"), ("edwards", "EdDSA"), ("rsa", "RS256")]
)
def test_a_token_of_the_issuer_is_a_user_of_its_tenant(
    issuer: Issuer, tokens: IssuerTokens, kid: str, algorithm: str
) -> None:
    token = issuer.token(CLAIMS, kid=kid, algorithm=algorithm)

    assert tokens.principal(token) == Principal(tenant="acme", kind=Kind.USER)


@pytest.mark.parametrize("scopes", ["openid operator", ["openid", "operator"]])
def test_scopes_come_in_either_form(issuer: Issuer, tokens: IssuerTokens, scopes: object) -> None:
    principal = tokens.principal(issuer.token({**CLAIMS, "scope": scopes}))

    assert Access.OPERATOR.permits(principal)
    assert not Access.SERVICE.permits(principal)


@pytest.mark.parametrize("scopes", [None, 5, {"operator": True}, [["operator"]], "operators"])
def test_other_scopes_permit_nothing(issuer: Issuer, tokens: IssuerTokens, scopes: object) -> None:
    principal = tokens.principal(issuer.token({**CLAIMS, "scope": scopes}))

    assert not Access.OPERATOR.permits(principal)


def test_the_claims_have_the_names_that_the_issuer_gives_them(issuer: Issuer, keys: Keys) -> None:
    rules = replace(RULES, tenant_claim="https://x/org", scopes_claim="roles")
    tokens = IssuerTokens(rules, keys, clock=SettableClock(NOW))

    principal = tokens.principal(
        issuer.token({**CLAIMS, "https://x/org": "globex", "roles": ["operator"]})
    )

    assert principal.tenant == "globex"
    assert Access.OPERATOR.permits(principal)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["other", "failsoft"]},
        {"exp": NOW - 29.0},
        {"nbf": NOW + 29.0},
        {"nbf": NOW, "iat": NOW, "sub": "me", "extra": {"deep": [1]}},
    ],
    ids=str,
)
def test_what_is_good_enough(
    issuer: Issuer, tokens: IssuerTokens, claims: dict[str, object]
) -> None:
    assert tokens.principal(issuer.token({**CLAIMS, **claims})).tenant == "acme"


# Refused.


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({**CLAIMS, "iss": "https://issuer.example/"}, "`iss`"),
        (without("iss"), "`iss`"),
        ({**CLAIMS, "aud": "other"}, "`aud`"),
        ({**CLAIMS, "aud": ["failsoft-2", {}]}, "`aud`"),
        ({**CLAIMS, "aud": "xfailsoftx"}, "`aud`"),
        (without("aud"), "`aud`"),
        ({**CLAIMS, "exp": NOW - 30.0}, "expired"),
        ({**CLAIMS, "exp": "2099-01-01"}, "`exp`"),
        ({**CLAIMS, "exp": True}, "`exp`"),
        (without("exp"), "`exp`"),
        ({**CLAIMS, "nbf": NOW + 31.0}, "`nbf`"),
        ({**CLAIMS, "nbf": None}, "`nbf`"),
        ({**CLAIMS, "tenant": "Acme"}, "`tenant`"),
        ({**CLAIMS, "tenant": ["acme"]}, "`tenant`"),
        (without("tenant"), "`tenant`"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_signed_token_is_told(
    issuer: Issuer, keys: Keys, claims: Mapping[str, object], word: str
) -> None:
    tokens = IssuerTokens(RULES, keys, clock=SettableClock(NOW))
    payload = json.dumps(dict(claims)).encode()

    assert word in refusal(tokens, signed(issuer, payload))


def signed(issuer: Issuer, payload: bytes, **headers: object) -> str:
    """Any payload, signed: the library's own encoder looks into it."""
    key = issuer.private["curve"]
    return jwt.PyJWS().encode(payload, key, algorithm="ES256", headers={"kid": "curve", **headers})


def forged(header: object) -> str:
    """A token that says so of itself, with a signature that is none."""
    return f"{segment(header)}.{segment(CLAIMS)}.AA"


def _tampered(issuer: Issuer) -> str:
    header, _, signature = issuer.token(CLAIMS).split(".")
    return f"{header}.{segment({**CLAIMS, 'tenant': 'globex'})}.{signature}"


def _unsigned(issuer: Issuer) -> str:
    return f"{segment({'alg': 'none', 'kid': 'curve'})}.{segment(CLAIMS)}."


def _signed_with_the_public_key(issuer: Issuer) -> str:
    """The oldest trick: what everybody may read, used as the secret of an HMAC."""
    public = issuer.private["rsa"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    said = f"{segment({'alg': 'HS256', 'kid': 'rsa'})}.{segment(CLAIMS)}"
    return f"{said}.{segment(hmac.digest(pem, said.encode(), hashlib.sha256))}"


def _of_an_unknown_key(issuer: Issuer) -> str:
    return issuer.token(CLAIMS, kid="next")


def _by_another_algorithm(issuer: Issuer) -> str:
    return issuer.token(CLAIMS, kid="rsa", algorithm="PS256")


def _of_another_key(issuer: Issuer) -> str:
    header, payload, _ = issuer.token(CLAIMS, kid="curve").split(".")
    return f"{header}.{payload}.{issuer.token(CLAIMS, kid='next').split('.')[2]}"


def _with_a_critical_header(issuer: Issuer) -> str:
    """Signed all right, and it says that there is more to it than we know."""
    return signed(issuer, json.dumps(dict(CLAIMS)).encode(), crit=["more"], more="x")


FORGERIES: "Mapping[str, Callable[[Issuer], str]]" = {
    "tampered with": _tampered,
    "unsigned": _unsigned,
    "signed with the public key": _signed_with_the_public_key,
    "of an unknown key": _of_an_unknown_key,
    "by another algorithm": _by_another_algorithm,
    "of another key": _of_another_key,
    "with a critical header": _with_a_critical_header,
    "empty": lambda _: "..",
    "no base64": lambda _: "a.b.c",
    "a list of algorithms": lambda _: forged({"alg": ["ES256"], "kid": "curve"}),
    "an object as key id": lambda _: forged({"alg": "ES256", "kid": {}}),
    "a list as header": lambda _: forged([]),
    "too long": lambda issuer: issuer.token({**CLAIMS, "padding": "x" * 20_000}),
    "a list as claims": lambda issuer: signed(issuer, b"[]"),
    "no text": lambda issuer: signed(issuer, b"\xff"),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_the_issuer_has_not_signed_is_refused_in_one_sentence(
    issuer: Issuer, tokens: IssuerTokens, forge: "Callable[[Issuer], str]"
) -> None:
    """Whoever forges learns nothing of how far it came."""
    assert refusal(tokens, forge(issuer)) == refusal(tokens, "x.y.z")


@given(
    st.text(alphabet="eyJ0-_.=\x00é", max_size=60)
    | st.builds(
        lambda header, payload: f"{segment(header)}.{segment(payload)}.AA",
        st.dictionaries(
            st.sampled_from(["alg", "kid", "typ", "b64", "zip"]),
            st.sampled_from(["ES256", "EdDSA", "RS256", "none", "curve", "rsa", False, None, 5]),
        ),
        st.none() | st.just(dict(CLAIMS)),
    )
)
def test_any_bearer_is_a_refusal_and_never_a_crash(tokens: IssuerTokens, bearer: str) -> None:
    authenticator = Authenticator.of(None, loopback=True, authorities=[tokens])

    with pytest.raises(Unauthenticated):
        authenticator.principal([("authorization", f"Bearer {bearer}")])
