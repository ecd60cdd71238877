"""How the model is now, for people."""

from dataclasses import dataclass

from failsoft_local_llm.core.standing import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is served now, if anything, and why."""

    state: State
    why: str
    """What made it so; of one that serves, in what it is degraded."""
    answered_by: str = ""
    """The model that is loaded; empty: none."""
    degraded: bool = False
    """Whether it is another one than the best that was configured."""
    profile: str = ""
    """Of the model that is loaded, was last loaded or is being loaded."""
    engine: str = ""
    """What runs it."""

    @property
    def serving(self) -> bool:
        """Whether a request is answered now, or as soon as the model has been woken."""
        return self.state.lets_in
