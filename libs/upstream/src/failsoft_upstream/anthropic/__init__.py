"""The Anthropic dialect: messages, unary and streamed."""
