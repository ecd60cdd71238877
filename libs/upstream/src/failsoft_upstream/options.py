"""What a look-alike is started with."""

from dataclasses import dataclass, field

from failsoft_upstream.answer import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where a look-alike listens, whom it lets in and how it answers.

    Attributes:
        host: Address of the provider's API.
        port: Its port; 0: any free one.
        control_port: Port of the control API, then on 127.0.0.1 only; None: the
            same as `port`, where it answers to loopback callers only; 0: any free one.
        api_key: The key that callers must present; None: nobody is asked for one.
        models: The models there are; None: any name will do.
        style: How it answers.
    """

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int | None = None
    api_key: str | None = field(default=None, repr=False)
    models: tuple[str, ...] | None = None
    style: Style = field(default_factory=Style)
