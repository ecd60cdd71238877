"""What callers can act on."""

from failsoft_model.errors import Code, FailsoftError


class CacheUnavailable(FailsoftError):
    """Valkey is away, and without it the promise cannot be kept."""

    code = Code.UNAVAILABLE
    reason = "CACHE_UNAVAILABLE"
