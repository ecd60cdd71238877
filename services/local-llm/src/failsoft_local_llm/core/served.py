"""What this service serves, as callers see it."""

from dataclasses import dataclass

from failsoft_local_llm.core.decoding import Defaults
from failsoft_model.walk import Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """The one model of this process."""

    name: str
    """What callers ask for."""
    context_tokens: int
    """Tokens of conversation and answer together."""
    capabilities: frozenset[Capability]
    defaults: Defaults
    adapters: tuple[str, ...] = ()
    """LoRA adapters, each of which is asked for like a model of its own."""

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that callers may ask for, sorted."""
        return tuple(sorted((self.name, *self.adapters)))
