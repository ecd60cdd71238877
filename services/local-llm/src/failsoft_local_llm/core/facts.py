"""What is known about a model from its files, before anything is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One model, as its own files describe it."""

    architecture: str
    """Such as `llama`."""
    context_tokens: int
    """Tokens of conversation and answer together."""
    chat_template: str
    """Jinja source that makes a prompt of a conversation."""
    bos: str
    """The token that begins a text, as text; empty: the model has none."""
    eos: str
    """The token that ends a turn, as text."""
    end_tokens: frozenset[int]
    """Tokens that end an answer."""
    hidden_tokens: frozenset[int]
    """Tokens that steer the model and are no part of a text."""
    control_texts: frozenset[str]
    """How the tokens are spelled that a tokenizer finds in any text, whoever has written it."""
