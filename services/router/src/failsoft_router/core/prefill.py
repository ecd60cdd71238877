"""Who goes on with a turn of its own that others have begun, and how it is asked.

Our own services say so by the capability `continue`, and are exact: they get the very text
and go on with the next token. Of the others:

* Anthropic: Claude up to 4.5. From 4.6 on each model refuses such a turn with a 400 ("This
  model does not support assistant message prefill"): Anthropic's migration guide,
  platform.claude.com/docs/en/about-claude/models/migration-guide.
* Gemini goes on with a last turn of the role `model`; Google documents neither that nor the
  opposite, so it is tried.
* OpenAI's own API answers such a turn as if it were whole. Servers that speak its dialect
  differ (vLLM, Mistral and DeepSeek go on); the policy's capability `continue` says which do.

Who is not known to go on is asked in words. Who refuses is asked in words, too, and left in
peace with such turns for a while.
"""

import re

from failsoft_model.walk import Capability
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.core.seam import Manner

REFUSED_FOR = 3600.0
"""Seconds; models learn it by a new version, which is rare, and asking again costs one call."""

_CLAUDE = re.compile(r"\bclaude-")
_GOING_ON_CLAUDE = re.compile(
    r"\bclaude-(?:2|3|instant|(?:opus|sonnet|haiku)-4(?!-(?:[6-9]|\d\d)(?!\d)))"
)


def manner_of(target: TargetPolicy) -> Manner:
    """How this target is best brought to go on."""
    says_so = Capability.CONTINUE in target.capabilities
    match target.provider:
        case Provider.FAILSOFT:
            return Manner.EXACT if says_so else Manner.INSTRUCTED
        case Provider.ANTHROPIC if _CLAUDE.search(target.model):
            says_so = _GOING_ON_CLAUDE.search(target.model) is not None
        case Provider.GEMINI if "gemini-" in target.model:
            says_so = True
    return Manner.PREFILLED if says_so else Manner.INSTRUCTED


class Prefill:
    """Whether one target refuses turns that others have begun; times are seconds."""

    def __init__(self) -> None:
        self._refused_until = 0.0

    def refused(self, now: float) -> None:
        """It has refused one."""
        self._refused_until = now + REFUSED_FOR

    def manner(self, target: TargetPolicy, now: float) -> Manner:
        """How the target is brought to go on now."""
        manner = manner_of(target)
        if manner is Manner.PREFILLED and now < self._refused_until:
            return Manner.INSTRUCTED
        return manner
