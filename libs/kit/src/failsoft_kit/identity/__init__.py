"""Who calls: principals, what they prove themselves by, and what a method demands.

An API key, a token of an issuer (see `failsoft_kit.identity.jwt`, an extra) or the token that our
own services share makes a caller a `Principal`; a listener's `Authenticator` says which.
"""

from failsoft_kit.identity.authenticator import (
    AUTHORIZATION_METADATA,
    TENANT_METADATA,
    Authenticator,
    Authority,
)
from failsoft_kit.identity.key_file import ApiKeys
from failsoft_kit.identity.principal import (
    DEFAULT_TENANT,
    OPERATOR_SCOPE,
    TENANT_RULE,
    Access,
    Kind,
    Principal,
    is_tenant,
)
from failsoft_kit.identity.service_token import ServiceToken

__all__ = [
    "AUTHORIZATION_METADATA",
    "DEFAULT_TENANT",
    "OPERATOR_SCOPE",
    "TENANT_METADATA",
    "TENANT_RULE",
    "Access",
    "ApiKeys",
    "Authenticator",
    "Authority",
    "Kind",
    "Principal",
    "ServiceToken",
    "is_tenant",
]
