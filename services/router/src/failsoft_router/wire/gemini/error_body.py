"""What Google's error body says: google.rpc.Status as JSON, with its details.

    {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "...", "details": [
        {"@type": ".../google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"},
        {"@type": ".../google.rpc.RetryInfo", "retryDelay": "39s"},
        {"@type": ".../google.rpc.QuotaFailure", "violations": [{"quotaId": "...PerDay..."}]}]}}

Some of Google's servers put the object into an array. Nothing of it is passed on to
anybody: it may quote the prompt.
"""

import re
from collections.abc import Sequence

import msgspec

_DELAY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s", re.ASCII)


class _Violation(msgspec.Struct, rename="camel"):
    quota_id: str = ""


class _Detail(msgspec.Struct, rename="camel"):
    """One of the details, of whatever type: their fields don't meet."""

    reason: str = ""
    retry_delay: str = ""
    violations: list[_Violation] | None = None


class ErrorBody(msgspec.Struct):
    """The error; every field may be missing or of another type."""

    code: object = None
    status: object = None
    message: object = None
    details: object = None

    @property
    def word(self) -> str:
        """Google's canonical code; empty where it says none."""
        return self.status if isinstance(self.status, str) else ""

    @property
    def text(self) -> str:
        """What it says to people, in lower case; it may quote the prompt."""
        return self.message.lower() if isinstance(self.message, str) else ""

    @property
    def reasons(self) -> Sequence[str]:
        """Of its ErrorInfo."""
        return [detail.reason for detail in self._details if detail.reason]

    @property
    def quotas(self) -> Sequence[str]:
        """Ids of the quotas that are used up."""
        return [
            violation.quota_id
            for detail in self._details
            for violation in detail.violations or ()
            if violation.quota_id
        ]

    @property
    def retry_delay(self) -> float | None:
        """Seconds that its RetryInfo asks to wait; None: it does not say."""
        delays = [match for each in self._details if (match := _DELAY.fullmatch(each.retry_delay))]
        return float(delays[0][1]) if delays else None

    @property
    def _details(self) -> Sequence[_Detail]:
        """Those that can be read."""
        found: list[_Detail] = []
        for each in self.details if isinstance(self.details, list) else ():
            try:
                found.append(msgspec.convert(each, _Detail))
            except msgspec.ValidationError:
                continue
        return found


class _Envelope(msgspec.Struct):
    error: ErrorBody


_decode = msgspec.json.Decoder(_Envelope | list[_Envelope]).decode


def read_error(body: bytes) -> ErrorBody | None:
    """The error of a reply's body; None: it is none of Google's."""
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(found, _Envelope):
        return found.error
    return found[0].error if found else None
