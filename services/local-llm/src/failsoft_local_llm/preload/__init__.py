"""The command `preload`: brings a model into the store, before anybody needs it."""
