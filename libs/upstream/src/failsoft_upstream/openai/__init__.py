"""The OpenAI dialect: chat completions, unary and streamed, and the list of models."""
