"""Pure codecs: bytes and templates to values, and back."""
