"""Anthropic's Messages wire format, from the public API reference."""
