"""An issuer of tokens (JWT), with keys of several kinds."""

import json
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Issuer:
    """Signs tokens by its keys, and publishes the public half of them."""

    def __init__(self) -> None:
        self.private: Mapping[str, Private] = {
            "curve": ec.generate_private_key(ec.SECP256R1()),
            "edwards": ed25519.Ed25519PrivateKey.generate(),
            "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "next": ec.generate_private_key(ec.SECP256R1()),
        }

    def jwk(self, kid: str, **fields: object) -> dict[str, object]:
        """One public key, as it is published."""
        match self.private[kid]:
            case ec.EllipticCurvePrivateKey() as key:
                written = ECAlgorithm.to_jwk(key.public_key())
            case rsa.RSAPrivateKey() as key:
                written = RSAAlgorithm.to_jwk(key.public_key())
            case key:
                written = OKPAlgorithm.to_jwk(key.public_key())
        return {**json.loads(written), "kid": kid, **fields}

    def key_set(self, *kids: str) -> bytes:
        """Some of its keys, as they are published."""
        return json.dumps({"keys": [self.jwk(kid) for kid in kids]}).encode()

    def token(
        self, claims: Mapping[str, object], *, kid: str = "curve", algorithm: str = "ES256"
    ) -> str:
        """A token that it signed by one of its keys."""
        key = self.private[kid]
        return jwt.encode(dict(claims), key, algorithm=algorithm, headers={"kid": kid})
