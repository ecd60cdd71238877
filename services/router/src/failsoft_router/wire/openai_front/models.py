"""The models that callers may name, in OpenAI's form."""

from collections.abc import Iterable

import orjson

from failsoft_router.core.policy import Policy

_OWNER = "failsoft"


def model_ids(policy: Policy) -> tuple[str, ...]:
    """Routes, the ids that they serve by name, and the models of their targets; each once.

    Patterns are none: a client would send them as they are.
    """
    ids: dict[str, None] = dict.fromkeys(sorted(policy.routes))
    for route in policy.routes.values():
        ids |= dict.fromkeys(each for each in route.serves if not each.endswith("*"))
        hops = (policy.targets.get(hop) for hop in route.hops)
        ids |= dict.fromkeys(target.model for target in hops if target is not None)
    return tuple(ids)


def encode_models(ids: Iterable[str], *, created: int) -> bytes:
    """The body of `GET /v1/models`.

    Args:
        created: Since when they are served, in seconds since 1970.
    """
    return orjson.dumps({"object": "list", "data": [_model(each, created) for each in ids]})


def encode_model(model_id: str, *, created: int) -> bytes:
    """The body of `GET /v1/models/{id}`."""
    return orjson.dumps(_model(model_id, created))


def _model(model_id: str, created: int) -> dict[str, object]:
    return {"id": model_id, "object": "model", "created": created, "owned_by": _OWNER}
