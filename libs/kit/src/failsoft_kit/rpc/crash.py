"""An unexpected exception as text for the log: where it happened, never what it said."""

import traceback

from failsoft_kit.telemetry.span import error_type_of


def describe(error: BaseException) -> str:
    """The stack and class of an exception and of those behind it, without their messages.

    Messages may quote a request; lines of code cannot.
    """
    return "\n".join(_parts(error))


def _parts(error: BaseException) -> list[str]:
    frames = "".join(traceback.format_tb(error.__traceback__))
    parts = [f"{frames}{error_type_of(error)}"]
    if isinstance(error, BaseExceptionGroup):
        for index, member in enumerate(error.exceptions, start=1):
            parts += [f"member {index}:", *_parts(member)]
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if behind is not None:
        parts += ["behind it:", *_parts(behind)]
    return parts
