"""Why there is no mock answer to a request."""


class CannotMock(Exception):
    """No mock answer has the form that was asked for; the text says why, without any prompt."""
