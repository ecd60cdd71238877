"""A service's settings: environment over YAML, checked as a whole, once, at start.

A service declares a `Settings` model and calls `load`. It gets frozen values, or one
`SettingsError` that lists every mistake there is.
"""

from failsoft_kit.settings.document import Document, read_document
from failsoft_kit.settings.errors import SettingsError
from failsoft_kit.settings.fields import SecretSource, Settings
from failsoft_kit.settings.load import load
from failsoft_kit.settings.reference import Row, describe
from failsoft_kit.settings.types import (
    Duration,
    Size,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)

__all__ = [
    "Document",
    "Duration",
    "Row",
    "SecretSource",
    "Settings",
    "SettingsError",
    "Size",
    "describe",
    "format_duration",
    "format_size",
    "load",
    "parse_duration",
    "parse_size",
    "read_document",
]
