"""How users are known, as the operator sets it; part of the settings of what faces users."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from failsoft_kit.identity.jwks import Algorithm
from failsoft_kit.settings import Duration, Settings

_URL_RULE = "must be an https:// URL; http:// only to this machine"


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(_URL_RULE) from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_own(host))):
        raise ValueError(_URL_RULE)
    return text


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class JwtSettings(Settings):
    """Whose tokens are believed, and what they have to say."""

    issuer: str = Field(
        min_length=1,
        description="Whose tokens are believed: their `iss`, to the letter. Needed with the rest of"
        " `jwt`.",
    )
    audience: str = Field(
        min_length=1,
        description="What has to be among a token's `aud`. Needed with the rest of `jwt`.",
    )
    jwks_file: Path | None = Field(
        default=None, description="The issuer's keys, as a JWK set; followed. Or `jwks_url`."
    )
    jwks_url: Annotated[str, AfterValidator(_url)] | None = Field(
        default=None,
        description="Where the issuer publishes its keys; read at start, every 5 minutes, and when"
        " a token has a new key.",
    )
    algorithms: list[Algorithm] = Field(
        default=[Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA],
        min_length=1,
        description="By which tokens may be signed; only asymmetric ones.",
    )
    tenant_claim: str = Field(
        default="tenant", min_length=1, description="The claim that names the tenant."
    )
    scopes_claim: str = Field(
        default="scope",
        min_length=1,
        description="The claim with the scopes: a list, or one text with spaces.",
    )
    leeway: Duration = Field(
        default=30.0, ge=0.0, le=300.0, description="How far the issuer's clock may be off."
    )

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("must have one of `jwks_file` and `jwks_url`")
        return self


class IdentitySettings(Settings):
    """How users are known; nothing of it set: not at all, and loopback alone may be served."""

    keys_file: Path | None = Field(
        default=None,
        description="Hashes of API keys, as `failsoft keys` writes them; followed. With it or"
        " `jwt` every caller has to show who it is, on loopback too.",
    )
    jwt: JwtSettings | None = Field(default=None, description="Users whom an issuer vouches for.")
