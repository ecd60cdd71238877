"""From the settings to the authorities that know users."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from failsoft_kit.clock import Clock
from failsoft_kit.identity.authenticator import Authority
from failsoft_kit.identity.jwks import JwksFile, KeySource
from failsoft_kit.identity.jwks_fetch import fetch_key_set
from failsoft_kit.identity.jwks_url import JwksUrl
from failsoft_kit.identity.jwt import IssuerTokens, TokenRules
from failsoft_kit.identity.key_file import ApiKeys
from failsoft_kit.identity.settings import IdentitySettings, JwtSettings
from failsoft_kit.rpc.background import Job
from failsoft_kit.startup import StartupError


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How users are known.

    Attributes:
        authorities: None of them: users are not known.
        jobs: What has to run beside the calls.
    """

    authorities: Sequence[Authority] = ()
    jobs: Sequence[Job] = ()


async def identity_of(settings: IdentitySettings, *, clock: Clock) -> Identity:
    """How users are known by these settings.

    Keys at a URL are asked for once, and waited for a few seconds; without them it goes on, and
    their tokens are refused as UNAVAILABLE until they come.

    Raises:
        StartupError: a file cannot be used; with every mistake in it.
    """
    authorities: list[Authority] = []
    jobs: Sequence[Job] = ()
    if settings.keys_file is not None:
        authorities.append(ApiKeys.from_file(settings.keys_file, clock=clock))
    if settings.jwt is not None:
        keys, jobs = await _keys(settings.jwt, clock=clock)
        authorities.append(IssuerTokens(_rules(settings.jwt), keys, clock=clock))
    return Identity(authorities=authorities, jobs=jobs)


async def _keys(settings: JwtSettings, *, clock: Clock) -> tuple[KeySource, Sequence[Job]]:
    """The issuer's keys, and what keeps them fresh."""
    match settings.jwks_file, settings.jwks_url:
        case Path() as file, _:
            return JwksFile(file, clock=clock), ()
        case _, str(url):
            published = JwksUrl(partial(fetch_key_set, url), clock=clock)
            await published.fetch()
            return published, (published.run,)
        case _:
            raise StartupError("the issuer of tokens needs one of `jwks_file` and `jwks_url`")


def _rules(settings: JwtSettings) -> TokenRules:
    return TokenRules(
        issuer=settings.issuer,
        audience=settings.audience,
        algorithms=settings.algorithms,
        tenant_claim=settings.tenant_claim,
        scopes_claim=settings.scopes_claim,
        leeway=settings.leeway,
    )
