"""What it costs to plan a walk, measured alone."""

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from failsoft_model.chat import ChatRequest, Message, Role, Text
from failsoft_router.adapters.policy_file import load_policy
from failsoft_router.core.draft import Drafts
from failsoft_router.core.plan import plan

_ROUNDS = 9
_PLANS = 2000


def plan_microseconds(policy: Mapping[str, object]) -> float:
    """CPU of one plan for the policy's only route; the median of some rounds."""
    with tempfile.TemporaryDirectory(prefix="failsoft-plan-") as folder:
        file = Path(folder) / "policy.yaml"
        file.write_text(yaml.safe_dump(policy))
        read = load_policy(file)
    (route,) = read.routes.values()
    drafts = Drafts(read)
    question = Message(role=Role.USER, parts=(Text(text="Who is there?"),))
    request = ChatRequest(model="", messages=(question,))
    rounds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_PLANS):
            draft = drafts.draft(
                route, "default", model="", without_credential=frozenset(), has_cache=True
            )
            plan(draft, request)
        rounds.append((time.process_time() - began) / _PLANS * 1e6)
    return statistics.median(rounds)
