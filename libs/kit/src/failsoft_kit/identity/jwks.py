"""The public keys that an issuer signs its tokens with (RFC 7517), and which of them are of use.

A key decides by which algorithms it may be used: RSA keys by RS and PS, each curve by its own. So
a token cannot choose how its signature is read, and a set that also has symmetric keys, which
anybody could sign with who reads it, has none for us.
"""

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from failsoft_kit.clock import Clock
from failsoft_kit.identity.followed import FollowedFile
from failsoft_kit.startup import StartupError

MAX_BYTES = 1024 * 1024
"""A set that is larger is none."""

_MIN_RSA_BITS = 2048


class Algorithm(enum.Enum):
    """How a token may be signed: asymmetric ones alone (RFC 7518, RFC 8037)."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"


_BY_TYPE: Mapping[tuple[object, object], Collection[Algorithm]] = {
    ("RSA", None): tuple(each for each in Algorithm if each.value[:2] in ("RS", "PS")),
    ("EC", "P-256"): (Algorithm.ES256,),
    ("EC", "P-384"): (Algorithm.ES384,),
    ("EC", "P-521"): (Algorithm.ES512,),
    ("OKP", "Ed25519"): (Algorithm.EDDSA,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One public key of an issuer, by each algorithm that it may be used with."""

    by_algorithm: Mapping[Algorithm, PyJWK]


KeySet = Mapping[str, SigningKey]
"""Keys by their `kid`; a key without one is under the empty text."""


class NoKeys(ValueError):
    """Something is no set of keys, or has none of use; says what is wrong and quotes nothing."""


class KeySource(Protocol):
    """Where an issuer's keys come from."""

    def find(self, kid: str) -> SigningKey | None:
        """The key of that id; None: the issuer has none.

        Raises:
            KeysUnavailable: it may have one, and is being asked.
        """


class JwksFile:
    """The keys in a mounted file, which is followed."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """
        Raises:
            StartupError: the file cannot be read, or has no key of use.
        """
        self._file = FollowedFile(path, read=_read, clock=clock)

    def find(self, kid: str) -> SigningKey | None:
        """See `KeySource`."""
        return self._file.current().get(kid)


def parse_key_set(content: bytes) -> KeySet:
    """The keys of a JWK set that signatures can be checked with; others are passed over.

    Raises:
        NoKeys: it is no JWK set, or none of its keys is of use.
    """
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise NoKeys("it is no JSON") from None
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise NoKeys("it is no JWK set: an object with the list `keys`")
    keys: dict[str, SigningKey] = {}
    for each in found:
        key = _signing_key(each) if isinstance(each, dict) else None
        if key is not None:
            keys[_text(each.get("kid"))] = key
    if not keys:
        raise NoKeys("none of its keys is RSA of 2048 bits or more, of a NIST curve, or Ed25519")
    return keys


def _signing_key(jwk: Mapping[str, object]) -> SigningKey | None:
    """None: it is not for signatures, or of a kind that is not used, or a private one."""
    if jwk.get("use", "sig") != "sig" or "d" in jwk:
        return None
    named, curve = jwk.get("alg"), jwk.get("crv")
    kinds = _BY_TYPE.get((_text(jwk.get("kty")), _text(curve) if curve is not None else None), ())
    usable = [each for each in kinds if named is None or each.value == named]
    try:
        keys = {each: PyJWK(dict(jwk), each.value) for each in usable}
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if not keys or any(_is_weak(key) for key in keys.values()):
        return None
    return SigningKey(by_algorithm=keys)


def _is_weak(key: PyJWK) -> bool:
    return isinstance(key.key, RSAPublicKey) and key.key.key_size < _MIN_RSA_BITS


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _read(path: Path) -> KeySet:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"the issuer's keys {str(path)!r} cannot be read: {error.strerror}"
        raise StartupError(message) from error
    if len(content) > MAX_BYTES:
        raise StartupError(f"the issuer's keys {str(path)!r} are larger than 1 MiB")
    try:
        return parse_key_set(content)
    except NoKeys as error:
        raise StartupError(f"the issuer's keys {str(path)!r} cannot be used: {error}") from error
