"""What a service of ours says about itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSight:
    """What runs the model of a service.

    Attributes:
        name: Such as `vllm` or `openvino`.
        profile: Of the model that is loaded, was last loaded or is being loaded.
        answered_by: The model that is loaded; empty: none.
        loading: Its first start is under way, and nothing has gone wrong so far.
    """

    name: str
    profile: str
    answered_by: str
    loading: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How a service is.

    Attributes:
        ready: It answers requests.
        degraded: It gives less than it was configured to.
        why: For people: what made it so; of one that is well, nothing or what it serves.
        engine: None: it has none, or does not tell.
    """

    ready: bool
    degraded: bool = False
    why: str = ""
    engine: EngineSight | None = None
