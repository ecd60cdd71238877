"""The errors of identity that are not the caller's."""

from failsoft_model.errors import Code, FailsoftError


class KeysUnavailable(FailsoftError):
    """The token may be good, and the keys that tell it are being fetched from its issuer."""

    code = Code.UNAVAILABLE
    reason = "IDENTITY_KEYS_UNAVAILABLE"
