"""Commands a look-alike in another process, over its control API."""

from collections.abc import Mapping
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import orjson

from failsoft_upstream import notation
from failsoft_upstream.faults import Fault

_SECONDS = 10.0


class RemoteControl:
    """The commands of `Upstream` for one that runs elsewhere; each call blocks.

    Every one of them raises `OSError` where nobody answers, and `Refused` where the
    look-alike does not do what it is told.
    """

    def __init__(self, url: str) -> None:
        """
        Args:
            url: Of the control API, without a path, as the look-alike prints it.
        """
        self._address = urlsplit(url).netloc

    def set_fault(self, fault: Fault, *, model: str | None = None) -> None:
        """Fail like this from now on; for one model, or for all that have no order of their own."""
        self._command("PUT", "fault", model, orjson.dumps(notation.to_value(fault)))

    def clear_fault(self, *, model: str | None = None) -> None:
        """Be healthy again, as `set_fault` with this model left it."""
        self._command("DELETE", "fault", model)

    def meter(self) -> Mapping[str, object]:
        """What it has counted so far; `Meter` says what each count means."""
        return self._command("GET", "meter")

    def calls_by_model(self) -> Mapping[str, int]:
        """Requests that were understood, by the model asked for."""
        by_model = self.meter()["by_model"]
        return by_model if isinstance(by_model, dict) else {}

    def _command(
        self, method: str, name: str, model: str | None = None, body: bytes = b""
    ) -> Mapping[str, object]:
        query = f"?{urlencode({'model': model})}" if model is not None else ""
        connection = HTTPConnection(self._address, timeout=_SECONDS)
        try:
            connection.request(method, f"/control/{name}{query}", body=body)
            response = connection.getresponse()
            answer: dict[str, object] = orjson.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(str(answer.get("error")))
        return answer


class Refused(Exception):
    """The look-alike does not do this; the message is its own."""
