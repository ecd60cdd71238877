"""Stored answers between the cache's contract and the walk."""

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_kit.wire.inference import (
    CACHE_STATUS,
    FINISH_REASON,
    decode_choice,
    decode_duration,
    decode_usage,
    fill_choice,
    fill_duration,
    fill_usage,
)
from failsoft_model.walk import CacheStatus
from failsoft_router.ports import Found, Keeping, StoredAnswer


def encode_entry(key: bytes, answer: StoredAnswer, keeping: Keeping) -> pb.StoreEntry:
    """One answer to keep."""
    entry = pb.StoreEntry(key=key)
    stored = entry.answer
    fill_choice(stored.choice, answer.choice)
    stored.finish_reason = FINISH_REASON.number[answer.finish_reason]
    if answer.usage is not None:
        fill_usage(stored.usage, answer.usage)
    stored.served_by = answer.served_by
    stored.model = answer.model
    stored.created.FromMilliseconds(round(answer.created * 1000))
    fill_duration(entry.fresh_for, keeping.fresh_for)
    fill_duration(entry.stale_if_error, keeping.stale_if_error)
    return entry


def decode_found(reply: pb.LookupResponse) -> Found:
    """What a look-up gave; an answer without a finish reason counts as none."""
    status = CACHE_STATUS.member.get(reply.status, CacheStatus.MISS)
    finish_reason = FINISH_REASON.member.get(reply.answer.finish_reason)
    if not reply.HasField("answer") or finish_reason is None:
        return Found(key=reply.key, status=_without_answer(status))
    stored = reply.answer
    answer = StoredAnswer(
        choice=decode_choice(stored.choice),
        finish_reason=finish_reason,
        usage=decode_usage(stored.usage) if stored.HasField("usage") else None,
        served_by=stored.served_by,
        model=stored.model,
        created=stored.created.ToMilliseconds() / 1000,
    )
    return Found(key=reply.key, status=status, age=decode_duration(reply.age), answer=answer)


def _without_answer(status: CacheStatus) -> CacheStatus:
    return status if status is CacheStatus.BYPASS else CacheStatus.MISS
