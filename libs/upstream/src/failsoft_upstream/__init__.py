"""A look-alike of an LLM provider that fails on command."""
