"""An operator's orders, checked: every mistake is told at once."""

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_kit.wire.inference import decode_duration
from failsoft_model.errors import FieldViolation, InvalidRequest
from failsoft_router.core.gate import IsolationOrder

SHORTEST_ISOLATION = 1.0
LONGEST_ISOLATION = 30 * 86400.0
"""Seconds; what is out for longer belongs into the policy."""

_ACTOR_CHARACTERS = 128
_REASON_CHARACTERS = 256

Found = list[FieldViolation]


def isolation_order(request: pb.IsolateTargetRequest, *, now: float) -> IsolationOrder:
    """The order to isolate, from now on.

    Raises:
        InvalidRequest: It breaks the contract; has every violation with its field.
    """
    found: Found = []
    seconds = decode_duration(request.ttl)
    if not SHORTEST_ISOLATION <= seconds <= LONGEST_ISOLATION:
        _add(found, "ttl", "must be 1 second to 30 days")
    _check_text(found, "actor", request.actor, most=_ACTOR_CHARACTERS)
    _check_text(found, "reason", request.reason, most=_REASON_CHARACTERS)
    _refuse(found)
    return IsolationOrder(
        since=now, until=now + seconds, actor=request.actor, reason=request.reason
    )


def releasing_actor(request: pb.ReleaseTargetRequest) -> str:
    """Who wants the release.

    Raises:
        InvalidRequest: It breaks the contract.
    """
    found: Found = []
    _check_text(found, "actor", request.actor, most=_ACTOR_CHARACTERS)
    _refuse(found)
    return request.actor


def _check_text(found: Found, field: str, text: str, *, most: int) -> None:
    if not text.strip() or len(text) > most or not text.isprintable():
        _add(found, field, f"must be 1 to {most} printable characters, not all blank")


def _add(found: Found, field: str, description: str) -> None:
    found.append(FieldViolation(field=field, description=description))


def _refuse(found: Found) -> None:
    if found:
        sentences = "; ".join(f"{each.field}: {each.description}" for each in found)
        raise InvalidRequest(sentences, violations=found)
