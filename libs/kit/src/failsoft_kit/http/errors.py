"""What is wrong with a request before its handler has seen it."""

from typing import ClassVar

from failsoft_model.errors import Code, FailsoftError


class PathNotFound(FailsoftError):
    """Nothing is served at this path."""

    code: ClassVar[Code] = Code.NOT_FOUND
    reason: ClassVar[str] = "PATH_NOT_FOUND"


class MethodNotAllowed(FailsoftError):
    """The path is served, and not with this method."""

    code: ClassVar[Code] = Code.UNIMPLEMENTED
    reason: ClassVar[str] = "METHOD_NOT_ALLOWED"


class BodyTooLarge(FailsoftError):
    """The request's body is longer than is read."""

    code: ClassVar[Code] = Code.INVALID_ARGUMENT
    reason: ClassVar[str] = "BODY_TOO_LARGE"


class BodyLate(FailsoftError):
    """The request's body has not come in time."""

    code: ClassVar[Code] = Code.ABORTED
    reason: ClassVar[str] = "BODY_LATE"


class MediaTypeUnsupported(FailsoftError):
    """The request's body is said to be something that is not read here."""

    code: ClassVar[Code] = Code.INVALID_ARGUMENT
    reason: ClassVar[str] = "MEDIA_TYPE_UNSUPPORTED"
