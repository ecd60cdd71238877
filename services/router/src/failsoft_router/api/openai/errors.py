"""Errors as OpenAI's clients expect them."""

from failsoft_kit.http.exchange import Reply
from failsoft_model.errors import FailsoftError
from failsoft_router.wire.openai_front.chunks import error_event
from failsoft_router.wire.openai_front.errors import encode_error, error_body


class OpenAiErrors:
    """The form of every error of the port."""

    def whole(self, error: FailsoftError, *, request_id: str) -> Reply:
        """The reply to a request that was sent nothing yet."""
        told = encode_error(error, request_id=request_id)
        return Reply(status=told.status, body=told.body, headers=told.headers)

    def in_stream(self, error: FailsoftError, *, request_id: str) -> bytes:
        """The last event of a stream; no `[DONE]` follows."""
        return error_event(error_body(error, request_id=request_id))
