"""OpenAI's chat completions wire format, from the public API reference."""
