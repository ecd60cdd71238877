"""What a peer must not send."""


class Malformed(ValueError):
    """A peer's message breaks the contract in a way that cannot be read around.

    The text names the field and quotes nothing.
    """
