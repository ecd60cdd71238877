"""The store of models on disk, and the places that models come from."""
