"""Which of an issuer's keys are of use, and for what."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from issuer import Issuer
from jwt.algorithms import RSAAlgorithm

from failsoft_kit.identity.jwks import Algorithm, JwksFile, NoKeys, parse_key_set
from failsoft_kit.startup import StartupError
from failsoft_kit.testing.clock import SettableClock

A_SECRET = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0LXRoYXQtYW55Ym9keS1rbm93cw"}


def algorithms(jwk: dict[str, object], other: dict[str, object]) -> set[Algorithm]:
    """By which algorithms a key may be used, in a set that has another key too."""
    keys = parse_key_set(json.dumps({"keys": [jwk, other]}).encode())
    found = keys.get(str(jwk["kid"]))
    return set() if found is None else set(found.by_algorithm)


@pytest.mark.parametrize(
    ("kid", "usable"),
    [
        ("curve", {"ES256"}),
        ("edwards", {"EdDSA"}),
        ("rsa", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ],
)
def test_a_key_decides_by_which_algorithms_it_is_used(
    issuer: Issuer, kid: str, usable: set[str]
) -> None:
    found = algorithms(issuer.jwk(kid), issuer.jwk("next"))

    assert {each.value for each in found} == usable


def test_an_algorithm_that_the_key_names_is_the_only_one(issuer: Issuer) -> None:
    assert algorithms(issuer.jwk("rsa", alg="PS256"), issuer.jwk("next")) == {Algorithm.PS256}


@pytest.mark.parametrize(
    "fields",
    [
        {"use": "enc"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": "ES384"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": 5},
        {"crv": "P-384"},
        {"crv": ["P-256"]},
        {"x": "short"},
        {"x": None},
        {"d": "cHJpdmF0ZQ"},
    ],
    ids=str,
)
def test_a_key_of_no_use_is_passed_over(issuer: Issuer, fields: dict[str, object]) -> None:
    assert algorithms(issuer.jwk("curve", **fields), issuer.jwk("next")) == set()


def test_a_private_key_is_of_no_use(issuer: Issuer) -> None:
    """Who publishes it has lost it."""
    key = issuer.private["rsa"]
    assert isinstance(key, rsa.RSAPrivateKey)
    private = json.loads(RSAAlgorithm.to_jwk(key))

    assert algorithms({**private, "kid": "private"}, issuer.jwk("next")) == set()


def test_a_short_rsa_key_is_of_no_use(issuer: Issuer) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505
    jwk = {**json.loads(RSAAlgorithm.to_jwk(short)), "kid": "short"}

    assert algorithms(jwk, issuer.jwk("next")) == set()


def test_a_secret_in_the_set_is_no_key() -> None:
    """Whoever reads the set could sign with it."""
    with pytest.raises(NoKeys):
        parse_key_set(json.dumps({"keys": [A_SECRET]}).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": [1, null]}'])
def test_what_is_no_set_of_keys_is_refused(content: bytes) -> None:
    with pytest.raises(NoKeys):
        parse_key_set(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
_FIELDS = st.sampled_from(["kty", "crv", "kid", "use", "alg", "x", "y", "n", "e", "d"])
_VALUES = st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "sig", "AQAB"]) | _JSON


@given(st.lists(st.dictionaries(_FIELDS, _VALUES)) | _JSON)
def test_whatever_is_published_is_keys_or_a_refusal(keys: object) -> None:
    try:
        content = json.dumps({"keys": keys}).encode()
        assert parse_key_set(content)
    except NoKeys:
        return


def test_a_file_of_keys_is_followed(issuer: Issuer, tmp_path: Path) -> None:
    clock, file = SettableClock(), tmp_path / "jwks.json"
    file.write_bytes(issuer.key_set("curve"))
    source = JwksFile(file, clock=clock)
    assert source.find("next") is None

    file.with_suffix(".new").write_bytes(issuer.key_set("curve", "next"))
    file.with_suffix(".new").replace(file)
    clock.time += 1.0

    assert source.find("next") is not None


@pytest.mark.parametrize("content", [b"{}", b"x" * (1024 * 1024 + 1), None])
def test_a_file_without_keys_is_refused_at_start(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "jwks.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(StartupError) as refused:
        JwksFile(file, clock=SettableClock())
    assert str(file) in refused.value.problems[0]
