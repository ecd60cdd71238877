"""What callers ask, out of the protos; what breaks the contract is named by its field."""

from collections.abc import Callable, Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2
from failsoft_cache.core.entry import Entry, Windows
from failsoft_cache.core.freshness import Accept
from failsoft_cache.core.key import KEY_BYTES
from failsoft_cache.core.offer import Offer
from failsoft_kit.wire.enums import FINISH_REASON
from failsoft_model.errors import FieldViolation, InvalidRequest

MAX_ENTRIES = 256

ACCEPT = {
    pb.ACCEPT_UNSPECIFIED: Accept.FRESH,
    pb.ACCEPT_KEY_ONLY: Accept.KEY_ONLY,
    pb.ACCEPT_FRESH: Accept.FRESH,
    pb.ACCEPT_STALE: Accept.STALE,
}


def asked_key(request: pb.LookupRequest, *, key_of: Callable[[bytes], bytes]) -> bytes:
    """The key that is asked for.

    Args:
        key_of: Gives the key of a canonical request.

    Raises:
        InvalidRequest: neither a request nor a key is there.
    """
    match request.WhichOneof("request"):
        case "canonical_request" if request.canonical_request:
            return key_of(request.canonical_request)
        case "key":
            return checked_key(request.key)
        case _:
            raise _invalid("canonical_request", "must be set, or key must be")


def checked_key(key: bytes) -> bytes:
    """The key itself, if it can be one; raises InvalidRequest otherwise."""
    if len(key) != KEY_BYTES:
        raise _invalid("key", f"must have {KEY_BYTES} bytes")
    return key


def accept(request: pb.LookupRequest) -> Accept:
    """What the caller can use; raises InvalidRequest for a value that nobody knows."""
    try:
        return ACCEPT[request.accept]
    except KeyError:
        raise _invalid("accept", "must be a known value") from None


def max_age(request: pb.LookupRequest) -> float | None:
    """Seconds; None: as the entry says; raises InvalidRequest if negative."""
    if not request.HasField("max_age"):
        return None
    seconds = _seconds(request.max_age)
    if seconds < 0.0:
        raise _invalid("max_age", "must not be negative")
    return seconds


def offers(request: pb.StoreRequest) -> Sequence[Offer]:
    """What is to be kept, in order; raises InvalidRequest if there is nothing or too much."""
    if not 1 <= len(request.entries) <= MAX_ENTRIES:
        raise _invalid("entries", f"must be 1 to {MAX_ENTRIES}")
    return [_offer(entry) for entry in request.entries]


def forgets_all(request: pb.InvalidateRequest) -> bool:
    """Whether all of the tenant is to be forgotten, not only `key`.

    Raises:
        InvalidRequest: neither is asked for.
    """
    match request.WhichOneof("what"):
        case "all" if request.all:
            return True
        case "key":
            return False
        case _:
            raise _invalid("all", "must be true, or key must be set")


def _offer(entry: pb.StoreEntry) -> Offer:
    answer = entry.answer
    return Offer(
        key=entry.key,
        entry=Entry(
            answer=answer.SerializeToString(),
            created=_seconds(answer.created),
            windows=Windows(
                fresh_for=_seconds(entry.fresh_for),
                stale_while_revalidate=_seconds(entry.stale_while_revalidate),
                stale_if_error=_seconds(entry.stale_if_error),
            ),
        ),
        finish_reason=FINISH_REASON.member.get(answer.finish_reason),
        served_by=answer.served_by,
        has_content=_has_content(answer.choice),
    )


def _has_content(choice: inference_service_pb2.Choice) -> bool:
    return any(
        part.HasField("tool_call") or part.text.strip() != "" for part in choice.message.parts
    )


def _seconds(time: Duration | Timestamp) -> float:
    return time.seconds + time.nanos / 1_000_000_000


def _invalid(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(
        f"{field} {rule}", violations=[FieldViolation(field=field, description=rule)]
    )
