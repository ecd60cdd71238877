"""An event of Kubernetes about a pod, as `kubectl describe pod` and `kubectl get events` show it.

It is one of the core API: `describe` finds it by the pod's name and uid, and shows the age by
`lastTimestamp` and the sender by `source`, which the newer `events.k8s.io` has no fields for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from failsoft_router.ports import Notice

SENDER = "failsoft-router"
MAX_MESSAGE_BYTES = 1024
"""What the API takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The pod that an event is about."""

    name: str
    namespace: str
    uid: str


def encode_pod_event(notice: Notice, pod: Pod, *, unix: float) -> bytes:
    """The event as the API takes it.

    Args:
        unix: When it happened.
    """
    moment = datetime.fromtimestamp(int(unix), tz=UTC).isoformat().replace("+00:00", "Z")
    return msgspec.json.encode(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{pod.name}.", "namespace": pod.namespace},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": pod.name,
                "namespace": pod.namespace,
                "uid": pod.uid,
            },
            "type": "Warning" if notice.is_trouble else "Normal",
            "reason": notice.reason,
            "message": _cut(notice.message),
            "source": {"component": SENDER},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
    )


def _cut(message: str) -> str:
    """The message, or as much of it as there is room for, and an ellipsis.

    It may quote what a file says, which may hold lone surrogates (`"\\ud800"` in YAML): those are
    no UTF-8, and become question marks.
    """
    content = message.encode(errors="replace")
    if len(content) <= MAX_MESSAGE_BYTES:
        return content.decode()
    ellipsis = "…"
    room = MAX_MESSAGE_BYTES - len(ellipsis.encode())
    return content[:room].decode(errors="ignore") + ellipsis
