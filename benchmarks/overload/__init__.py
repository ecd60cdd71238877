"""The local model with ten times more to do than it can."""
