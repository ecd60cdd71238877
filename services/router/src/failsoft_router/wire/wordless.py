"""What a user is made to say where an API wants a user's turn and there is none."""

WORDLESS = "…"
"""In no language, so that the answer comes in the conversation's own."""
