"""The store of models: which files are taken, and what is known and written down of them."""
